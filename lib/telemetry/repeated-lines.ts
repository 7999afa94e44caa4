import type { Clock } from "../clock/clock.ts";

/** What fails again and again is said once in this time, with how often it was not said. */
const SAID_EVERY_MS = 60_000;
/** Kinds of failures that are told apart; beyond it the oldest is forgotten. */
const MOST_KINDS = 100;

/** Keeps a log from being flooded by one failure that repeats. */
export class RepeatedLines {
  readonly #clock: Pick<Clock, "now">;
  readonly #kinds = new Map<string, { saidAtMs: number; unsaid: number }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /**
   * @param what of a kind: the line's text
   * @returns how often it was kept back since it was last said; undefined: keep it back now
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
