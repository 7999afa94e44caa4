import { SlabmendError } from "../errors/slabmend-error.ts";

/**
 * Account tokens are valid for five minutes, and prices for half an hour. If a worker's clock is wrong by more than
 * this limit, hosts soon refuse its requests.
 */
const MOST_CLOCK_DIFFERENCE_MS = 2 * 60_000;

/**
 * Our clock and the database's differ so much that hosts would refuse our tokens. This error never counts against a
 * slab.
 */
export class ClockError extends SlabmendError<"clock-off"> {
  override readonly name = "ClockError";

  constructor(differenceMs: number) {
    const seconds = Math.round(Math.abs(differenceMs) / 1_000);
    super({
      code: "clock-off",
      message: `clock: expected the database's time within ${MOST_CLOCK_DIFFERENCE_MS / 1_000} s, got a clock that is ${seconds} s ${differenceMs < 0 ? "behind" : "ahead of"} it`,
      remedy: "Synchronise this machine's clock, or the database server's, by NTP.",
      details: { differenceMs },
    });
  }
}

/**
 * @param databaseMs the database's time, read within seconds before `nowMs`
 * @throws {ClockError}
 */
export function assertClockAgrees(databaseMs: number, nowMs: number): void {
  const differenceMs = nowMs - databaseMs;
  if (Math.abs(differenceMs) > MOST_CLOCK_DIFFERENCE_MS) throw new ClockError(differenceMs);
}
