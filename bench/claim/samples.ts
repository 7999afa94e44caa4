/** Count, percentiles and maximum of a list of durations. */
export interface Percentiles {
  readonly count: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export function percentiles(samples: readonly number[]): Percentiles {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { count: sorted.length, medianMs: round(at(0.5)), p99Ms: round(at(0.99)), maxMs: round(at(1)) };
}

/** Rounds to three significant digits; more would be noise. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

export async function timed<Result>(samples: number[], work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  const result = await work();
  samples.push(performance.now() - startedAt);
  return result;
}
