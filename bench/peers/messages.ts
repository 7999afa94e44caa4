/** Messages between the benchmark and the process of one version. */

/** Cases of damage to a 10-of-30 slab. */
export const CASES = {
  lost1: { how: "rebuilt", sectors: 1 },
  lost10: { how: "rebuilt", sectors: 10 },
  copy1: { how: "copied", sectors: 1 },
} as const;
export type CaseName = keyof typeof CASES;
export const CASE_NAMES = Object.keys(CASES) as CaseName[];

export const MIN_SHARDS = 10;
export const TOTAL_SHARDS = 30;

/**
 * Repairs of one case by several processes; each process takes the next slab when it is free, or repairs its share
 * simultaneously.
 */
export interface Race {
  readonly name: CaseName;
  readonly repairs: number;
  readonly processes: number;
  /** Simultaneous repairs per process. More than one repair only for the current version. */
  readonly atOnce: number;
}

export interface RaceResult {
  readonly slabsPerSecond: number;
  /** Sampled memory of all processes together, shared pages counted once (PSS); without the warm-up. */
  readonly peakMebibytes: number;
}

export type SideOrder =
  | { readonly kind: "repair"; readonly name: CaseName }
  | ({ readonly kind: "race" } & Race)
  /** Number of profiled repairs. */
  | { readonly kind: "profile"; readonly name: CaseName; readonly repairs: number };

/** CPU is user and system time of the repairing process. */
export interface RepairSample {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly phasesMs: Readonly<Record<string, number>>;
  readonly bytesRead: number;
  readonly peakMebibytes: number;
}

export type SideReport =
  | { readonly kind: "ready" }
  | { readonly kind: "repaired"; readonly sample: RepairSample }
  | ({ readonly kind: "raced" } & RaceResult)
  | { readonly kind: "profiled"; readonly shares: Readonly<Record<string, number>> }
  | { readonly kind: "failed"; readonly message: string };
