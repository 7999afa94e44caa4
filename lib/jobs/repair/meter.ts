import type { OutcomeKind } from "../../database/leases/outcome-writes.ts";

/** The cost of one repair, for the journal. */
export interface Meter {
  bytesRead: number;
  bytesWritten: number;
  /**
   * Hastings that hosts charged. A call that failed, or was cancelled because another call was faster, counts as
   * charged if the host may have charged for it.
   */
  hastings: bigint;
  /** Milliseconds by phase; phases may overlap. */
  readonly phasesMs: Record<string, number>;
}

export function createMeter(): Meter {
  return { bytesRead: 0, bytesWritten: 0, hastings: 0n, phasesMs: {} };
}

/**
 * Cancelled requests count as charged, because a host may have charged for them. But if the repair ended for lack of
 * funds and no byte was transferred, the cancelled requests met empty accounts too: nothing was charged, so nothing may
 * count against the budget.
 */
export function dropPhantomCharges(meter: Meter, outcome: OutcomeKind): void {
  if (outcome === "underfunded" && meter.bytesRead === 0 && meter.bytesWritten === 0) meter.hastings = 0n;
}

/** Runs `work` and adds its duration to the phase, even if it fails. */
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

/** The most that one repair may spend. The cost of calls in progress counts, so the limit is never exceeded. */
export class CostLimit {
  readonly #meter: Meter;
  readonly #most: bigint | undefined;
  #reserved = 0n;
  #wasReached = false;

  /** @param most in hastings; undefined: no limit */
  constructor(meter: Meter, most: bigint | undefined) {
    this.#meter = meter;
    this.#most = most;
  }

  /** Whether a call was not made because of the limit. */
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

  /** Adds what a host charged for a call. {@link reserve} counts the call's cost only while the call is in progress. */
  readonly charge = (hastings: bigint): void => {
    this.#meter.hastings += hastings;
  };
}
