import type { RepairResult } from "../jobs/repair/repair-dependencies.ts";

/** A clock is wrong for every slab; hosts may all refuse for a moment, or those of one slab may. */
const MOST_FAULTS = 5;

/**
 * Whether this worker should stop: what it tells hosts is refused, or hardly any host hears it, repair after repair. Others
 * repair those slabs, so it must not go on taking them.
 */
export class SelfCheck {
  #faults: string[] = [];

  /** @returns why the worker is unfit; undefined: it may go on */
  note(result: RepairResult): string | undefined {
    if (result.kind === "stale") return undefined;
    const { ourFault } = result;
    this.#faults = ourFault === undefined ? [] : [...this.#faults, ourFault];
    if (ourFault === "clock-off")
      return "this machine's clock differs from the database's by minutes: set it";
    if (this.#faults.length < MOST_FAULTS) return undefined;
    return `${this.#faults.length} repairs in a row failed through a fault of this machine: ${[...new Set(this.#faults)].join(", ")}`;
  }
}
