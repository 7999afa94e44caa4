import type { Clock } from "../../clock/clock.ts";
import type { Direction } from "../../hosts/score-board.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";

/** A read of a whole sector is given up after this many times its expected duration. */
const PATIENCE = 4;
/** The shortest time limit of a read: enough for a connection, three round trips and a slow disk of a distant host. */
const LEAST_READ_MS = 10_000;
/** indexd allows two minutes for any transfer of a shard. */
const MOST_TRANSFER_MS = 120_000;

/** The reason with which all transfers of a repair are cancelled when the function's deadline is near. */
class DeadlineNear extends Error {
  override readonly name = "DeadlineNear";
}

/** The time limits of a repair and of each of its transfers. */
export interface TimeLimits {
  /** Aborts when transfers must end to leave time for the commit, or when the caller's own signal aborts. */
  readonly signal: AbortSignal;
  /** Whether the deadline stopped a transfer or kept one from starting. */
  readonly deadlineReached: boolean;
  /** Whether a transfer of a sector that starts now is expected to end in time. */
  mayStart(direction: Direction): boolean;
  /**
   * How long a transfer of a whole sector may take. A write may take two minutes, as in indexd: if only one host is
   * slow, the shard is offered to another host meanwhile; if all hosts are slow because our own line is slow, giving up
   * would only make us send everything again.
   */
  sectorMs(direction: Direction): number;
  /** Cancels the timer. */
  stop(): void;
}

/**
 * @param transfersEndAtMs when transfers must have ended, by `clock`: the function's deadline minus the time for the
 * commit and for cleaning up
 */
export function createTimeLimits(options: {
  readonly clock: Clock;
  readonly transfersEndAtMs: number;
  readonly expectedMs: (direction: Direction, lengthBytes: number) => number;
  readonly signal: AbortSignal;
}): TimeLimits {
  const { clock, transfersEndAtMs, expectedMs } = options;
  const controller = new AbortController();
  let deadlineReached = false;
  const cancel = clock.after(Math.max(0, transfersEndAtMs - clock.now()), () => {
    deadlineReached = true;
    controller.abort(new DeadlineNear("the function's deadline is near"));
  });
  const signal = AbortSignal.any([options.signal, controller.signal]);
  return {
    signal,
    get deadlineReached() {
      return deadlineReached;
    },
    mayStart(direction) {
      if (signal.aborted) return false;
      const fits = clock.now() + expectedMs(direction, SECTOR_BYTES) <= transfersEndAtMs;
      if (!fits) deadlineReached = true;
      return fits;
    },
    sectorMs(direction) {
      if (direction === "write") return MOST_TRANSFER_MS;
      const patientMs = PATIENCE * expectedMs(direction, SECTOR_BYTES);
      return Math.min(MOST_TRANSFER_MS, Math.max(LEAST_READ_MS, patientMs));
    },
    stop: cancel,
  };
}
