import type { Cause } from "./causes.ts";

/** Which unhealthy slabs are repaired at once and which may wait: docs/thresholds.md shows what each default costs and saves. */
export interface Thresholds {
  /** How long a slab may wait if all its bad sectors have this cause. Denials by a suspected host wait like `bad-host`. */
  readonly graceMs: Readonly<Record<Cause, number>>;
  /** Above this loss probability neither a grace period nor the budget applies. */
  readonly dangerAbove: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  graceMs: { lost: 0, denied: 0, "bad-contract": 6 * 3_600_000, "bad-host": 6 * 3_600_000, draining: 0 },
  // Code 10-of-30 with 12 good sectors left.
  dangerAbove: 1e-4,
};

export interface WalkSettings {
  readonly thresholds: Thresholds;
  /** Bad sectors read, and slabs judged, per page; fewer after a slow page. */
  readonly pageSectors: number;
  /** A page read that takes longer is cancelled. */
  readonly longestReadMs: number;
  /** Shortest time between the starts of two passes. */
  readonly everyMs: number;
  /** How long after its next attempt a slab is left to indexd; the same as claim's. */
  readonly indexdGraceMs: number;
}

export const DEFAULT_WALK_SETTINGS: WalkSettings = {
  thresholds: DEFAULT_THRESHOLDS,
  // 500 slabs of 30 sectors are 15,000 sectors: a tenth of a second if they are in memory.
  pageSectors: 500,
  // No snapshot of ours may reach the age of one second, so that indexd never notices it.
  longestReadMs: 800,
  everyMs: 60_000,
  indexdGraceMs: 3_600_000,
};
