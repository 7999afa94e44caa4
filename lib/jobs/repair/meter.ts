import type { OutcomeKind } from "../../database/leases/outcome-writes.ts";

/** What one repair cost, for the journal. */
export interface Meter {
  bytesRead: number;
  bytesWritten: number;
  /** Hastings that hosts charged, or may have charged for what failed or was given up because others were faster. */
  hastings: bigint;
  /** Milliseconds by phase; phases may overlap. */
  readonly phasesMs: Record<string, number>;
}

export function createMeter(): Meter {
  return { bytesRead: 0, bytesWritten: 0, hastings: 0n, phasesMs: {} };
}

/**
 * Requests that were given up count as charged, because a host may have charged for them. When accounts were empty and no byte was
 * moved, they met empty accounts as well: nothing was charged, and the budget must not fill up with it.
 */
export function dropPhantomCharges(meter: Meter, outcome: OutcomeKind): void {
  if (outcome === "underfunded" && meter.bytesRead === 0 && meter.bytesWritten === 0) meter.hastings = 0n;
}

/** Runs `work` and adds its duration to the phase, also when it fails. */
export async function timed<T>(
  meter: Meter,
  now: () => number,
  phase: string,
  work: () => Promise<T>,
): Promise<T> {
  const started = now();
  try {
    return await work();
  } finally {
    meter.phasesMs[phase] = (meter.phasesMs[phase] ?? 0) + Math.round(now() - started);
  }
}

/** What one repair may spend. What calls under way will cost counts, so that the limit is never passed. */
export class CostLimit {
  readonly #meter: Meter;
  readonly #most: bigint | undefined;
  #reserved = 0n;
  #wasReached = false;

  /** @param most undefined: no limit */
  constructor(meter: Meter, most: bigint | undefined) {
    this.#meter = meter;
    this.#most = most;
  }

  /** A call was not made because of the limit. */
  get wasReached(): boolean {
    return this.#wasReached;
  }

  readonly reserve = (hastings: bigint): (() => void) | undefined => {
    if (this.#most !== undefined && this.#meter.hastings + this.#reserved + hastings > this.#most) {
      this.#wasReached = true;
      return undefined;
    }
    this.#reserved += hastings;
    return () => {
      this.#reserved -= hastings;
    };
  };

  /** For {@link reserve}'s callers: charged for good. */
  readonly charge = (hastings: bigint): void => {
    this.#meter.hastings += hastings;
  };
}
