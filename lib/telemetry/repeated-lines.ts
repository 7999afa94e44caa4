import type { Clock } from "../clock/clock.ts";

/** A repeating failure is logged once within this time, with the number of suppressed lines. */
const SAID_EVERY_MS = 60_000;
/** Number of different failures to track. If there are more, the one that was logged longest ago is forgotten. */
const MOST_KINDS = 100;

/** Prevents one repeating failure from flooding the log. */
export class RepeatedLines {
  readonly #clock: Pick<Clock, "now">;
  readonly #kinds = new Map<string, { saidAtMs: number; unsaid: number }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /**
   * @param what the line's text; together with the error's code it identifies the failure
   * @returns how often the line was suppressed since it was last logged; undefined: suppress it now
   */
  note(what: string, error: unknown): { readonly unsaid: number } | undefined {
    const kind = `${what}: ${kindOf(error)}`;
    const nowMs = this.#clock.now();
    const known = this.#kinds.get(kind);
    if (known !== undefined && Math.abs(nowMs - known.saidAtMs) < SAID_EVERY_MS) {
      known.unsaid += 1;
      return undefined;
    }
    this.#kinds.delete(kind);
    this.#kinds.set(kind, { saidAtMs: nowMs, unsaid: 0 });
    if (this.#kinds.size > MOST_KINDS) this.#kinds.delete(this.#kinds.keys().next().value!);
    return { unsaid: known?.unsaid ?? 0 };
  }
}

function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return "code" in error ? String(error.code) : error.name;
}
