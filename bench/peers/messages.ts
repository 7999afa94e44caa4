/** What the benchmark and the process of one version tell each other. */

/** Of a 10-of-30 slab. */
export const CASES = {
  lost1: { how: "rebuilt", sectors: 1 },
  lost10: { how: "rebuilt", sectors: 10 },
  copy1: { how: "copied", sectors: 1 },
} as const;
export type CaseName = keyof typeof CASES;
export const CASE_NAMES = Object.keys(CASES) as CaseName[];

export const MIN_SHARDS = 10;
export const TOTAL_SHARDS = 30;

/** Repairs of one case by processes at once; each takes the next when it is free, or makes its share of them at once. */
export interface Race {
  readonly name: CaseName;
  readonly repairs: number;
  readonly processes: number;
  /** By each process. More than one: only of the version that this benchmark is of. */
  readonly atOnce: number;
}

export interface RaceResult {
  readonly slabsPerSecond: number;
  /** Of all processes together, what they share counted once (PSS), by samples; without the warm-up. */
  readonly peakMebibytes: number;
}

export type SideOrder =
  | { readonly kind: "repair"; readonly name: CaseName }
  | ({ readonly kind: "race" } & Race)
  /** Repairs of which a profile is taken. */
  | { readonly kind: "profile"; readonly name: CaseName; readonly repairs: number };

/** CPU is that of the process that repairs, user and system. */
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
