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

export type SideOrder =
  | { readonly kind: "repair"; readonly name: CaseName }
  /** As many repairs by two processes at once. */
  | { readonly kind: "race"; readonly name: CaseName; readonly repairs: number }
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
  | { readonly kind: "raced"; readonly slabsPerSecond: number }
  | { readonly kind: "profiled"; readonly shares: Readonly<Record<string, number>> }
  | { readonly kind: "failed"; readonly message: string };
