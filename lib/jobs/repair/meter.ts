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
