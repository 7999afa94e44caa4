/** Messages between the benchmark and the process that runs one version of slabmend. */

/** The cases: how many sectors of a 10-of-30 slab are damaged, and how they are repaired. */
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
 * Repairs of one case by several processes. If `atOnce` is 1, each process takes the next slab when it is free;
 * otherwise each process gets an equal share of the slabs at the start.
 */
export interface Race {
  readonly name: CaseName;
  readonly repairs: number;
  readonly processes: number;
  /** Simultaneous repairs per process. More than 1 is possible only with the current version of slabmend. */
  readonly atOnce: number;
}

export interface RaceResult {
  readonly slabsPerSecond: number;
  /**
   * The highest sample of the memory of all processes together, with shared pages counted once (PSS). The warm-up is
   * not sampled.
   */
  readonly peakMebibytes: number;
}

export type SideOrder =
  | { readonly kind: "repair"; readonly name: CaseName }
  | ({ readonly kind: "race" } & Race)
  /** Makes a CPU profile of `repairs` repairs. */
  | { readonly kind: "profile"; readonly name: CaseName; readonly repairs: number };

/** One repair. `cpuMs` is user and system time of the repairing process. */
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
