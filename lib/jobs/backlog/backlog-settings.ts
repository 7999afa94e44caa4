import type { Cause } from "./causes.ts";

/** Which unhealthy slabs are repaired at once and which may wait: docs/thresholds.md shows what each default costs and saves. */
export interface Thresholds {
  /**
   * How long a slab may wait if all its bad sectors have this cause. A denial by a suspected host waits as long as `bad-host`.
   */
  readonly graceMs: Readonly<Record<Cause, number>>;
  /** Above this loss probability neither a grace period nor the budget applies. */
  readonly dangerAbove: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  graceMs: { lost: 0, denied: 0, "bad-contract": 6 * 3_600_000, "bad-host": 6 * 3_600_000, draining: 0 },
  // A 10-of-30 slab with 12 good sectors left.
  dangerAbove: 1e-4,
};

export interface WalkSettings {
  readonly thresholds: Thresholds;
  /** Bad sectors read, and slabs judged, per page; fewer after a slow page. */
  readonly pageSectors: number;
  /** If reading a page takes longer, it is cancelled. */
  readonly longestReadMs: number;
  /** Shortest time between the starts of two passes. */
  readonly everyMs: number;
  /** How long a slab is left to indexd after its next attempt is due; as in claim's settings. */
  readonly indexdGraceMs: number;
}

export const DEFAULT_WALK_SETTINGS: WalkSettings = {
  thresholds: DEFAULT_THRESHOLDS,
  // 500 slabs of 30 sectors are 15,000 sectors: read in a tenth of a second if they are in memory.
  pageSectors: 500,
  // No snapshot of ours may last one second: indexd must never notice it.
  longestReadMs: 800,
  everyMs: 60_000,
  indexdGraceMs: 3_600_000,
};
