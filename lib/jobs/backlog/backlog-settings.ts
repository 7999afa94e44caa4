import type { Cause } from "./causes.ts";

/**
 * Which unhealthy slabs are repaired at once and which may wait: docs/thresholds.md shows what each default costs and
 * saves.
 */
export interface Thresholds {
  /**
   * How long a slab may wait if all its bad sectors have this cause. But if all denials of a slab are by suspected
   * hosts, the cause `denied` has the time of `bad-host`.
   */
  readonly graceMs: Readonly<Record<Cause, number>>;
  /** Above this loss probability neither a grace period nor the budget applies. */
  readonly dangerAbove: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  graceMs: { lost: 0, denied: 0, "bad-contract": 6 * 3_600_000, "bad-host": 6 * 3_600_000, draining: 0 },
  // A 10-of-30 slab of which only 12 sectors are left, all of them good, is above this limit (at 2.1e-4).
  dangerAbove: 1e-4,
};

export interface WalkSettings {
  readonly thresholds: Thresholds;
  /** Per page at most this many bad sectors are read, and at most this many slabs judged; fewer after a slow page. */
  readonly pageSectors: number;
  /** If reading a page takes longer, it is cancelled. */
  readonly longestReadMs: number;
  /** Shortest time between the starts of two passes over the same cause. */
  readonly everyMs: number;
  /** When indexd's next attempt at a slab is due, the slab is left to indexd for this long; as in claim's settings. */
  readonly indexdGraceMs: number;
}

export const DEFAULT_WALK_SETTINGS: WalkSettings = {
  thresholds: DEFAULT_THRESHOLDS,
  // 500 slabs of 30 sectors are 15,000 sectors: read in a tenth of a second if they are in memory.
  pageSectors: 500,
  // Every snapshot of ours must end within a second, so that indexd never notices it.
  longestReadMs: 800,
  everyMs: 60_000,
  indexdGraceMs: 3_600_000,
};
