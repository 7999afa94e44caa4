import type { Cause } from "./causes.ts";

/** Which of what is unhealthy is repaired at once, and what may wait: docs/thresholds.md has what each default costs and saves. */
export interface Thresholds {
  /** How long a slab may wait that has only sectors of this cause. 0: not at all. A suspected host's denials wait like `bad-host`. */
  readonly graceMs: Readonly<Record<Cause, number>>;
  /** Above this loss probability no grace counts, and no budget. */
  readonly dangerAbove: number;
}

export const DEFAULT_THRESHOLDS: Thresholds = {
  graceMs: { lost: 0, denied: 0, "bad-contract": 6 * 3_600_000, "bad-host": 6 * 3_600_000, draining: 0 },
  // 10-of-30 with 12 good sectors and no other.
  dangerAbove: 1e-4,
};

export interface WalkSettings {
  readonly thresholds: Thresholds;
  /** Bad sectors read at once, and slabs judged at once; fewer after a page that took long. */
  readonly pageSectors: number;
  /** A page that takes longer to read is given up. */
  readonly longestReadMs: number;
  /** A pass begins at most this often. */
  readonly everyMs: number;
  /** How long past its next attempt a slab is left to indexd; claim's own. */
  readonly indexdGraceMs: number;
}

export const DEFAULT_WALK_SETTINGS: WalkSettings = {
  thresholds: DEFAULT_THRESHOLDS,
  // 500 slabs of 30 sectors: 15,000 sectors, a tenth of a second when they are in memory.
  pageSectors: 500,
  // indexd must never find a snapshot of ours that is a second old.
  longestReadMs: 800,
  everyMs: 60_000,
  indexdGraceMs: 3_600_000,
};
