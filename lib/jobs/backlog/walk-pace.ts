/**
 * How much the walk reads at a time, by how long its last read took. Pure.
 *
 *   quick    twice as much, up to the configured size
 *   slow     half as much
 *   given up one slab at a time, so that readable slabs still progress. A slab given up three times in a row is
 *   skipped.
 */
export interface Pace {
  /** Bad sectors, or slabs. */
  readonly size: number;
  /** How often in a row the read of a single item was given up. */
  readonly givenUp: number;
}

/** `given-up`: the read took longer than a snapshot may last. */
export type ReadTime = { readonly tookMs: number } | "given-up";

const SLOW_MS = 300;
const QUICK_MS = 100;
/**
 * After this many cancelled reads an item is skipped. An item whose first read was slow only because the database was
 * briefly busy, or its cache cold, is read successfully by the second or third try.
 */
const TRIES = 3;

export function paceAfter(pace: Pace, read: ReadTime, mostSize: number): Pace {
  if (read === "given-up") return { size: 1, givenUp: pace.size === 1 ? pace.givenUp + 1 : 0 };
  if (read.tookMs > SLOW_MS) return { size: Math.max(1, pace.size >> 1), givenUp: 0 };
  const size = read.tookMs < QUICK_MS ? Math.min(mostSize, pace.size * 2) : pace.size;
  return { size, givenUp: 0 };
}

export function isToBePassedBy({ givenUp }: Pace): boolean {
  return givenUp >= TRIES;
}

/**
 * The paces of a run of claim, one for each kind of read, so that a slow cause does not slow the others. They are kept
 * from round to round, so that a slow cause does not start each round at full speed.
 */
export type Paces = Map<string, Pace>;
