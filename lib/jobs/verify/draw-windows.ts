/**
 * Draws sectors of a host with equal probability, without reading all of them. Ids have gaps and most belong to other hosts,
 * but roots are hashes, and an index has each host's roots in order. So a draw is a random window of roots, wide enough for one
 * sector on average, and a place in it from 0 to 15: it hits if the window has a sector at that place. Every sector is in
 * equally many windows, at one place of each, so all have the same probability. Taking the next root after a random point would
 * favour sectors after wide gaps, and a host knows the gaps. One in 16 windows hits. Pure.
 */
import { createHash } from "node:crypto";
import type { RootWindow } from "../../database/verify/read-scope.ts";

/** The probability that a window has more sectors is 10^-15. */
const PLACES = 16;
const ROOTS = 1n << 64n;

export interface WindowRequest {
  /** 64 hex digits: the same seed gives the same windows, even in another process. */
  readonly seed: string;
  readonly first: number;
  readonly count: number;
  /** Approximate number of the host's sectors: determines the width of a window. */
  readonly sectors: number;
}

/** The average number of windows needed for this many hits. */
export const windowsFor = (draws: number): number => draws * PLACES;

/** Window `first` and those after it in the sequence determined by the seed. */
export function drawWindows({ seed, first, count, sectors }: WindowRequest): RootWindow[] {
  const width = ROOTS / BigInt(Math.max(1, sectors));
  return Array.from({ length: count }, (_, n) => {
    const bytes = createHash("sha256")
      .update(`${seed} ${first + n}`)
      .digest();
    // Starts far enough below the first root that it is in as many windows as any other.
    const from =
      ((bytes.readBigUInt64LE(0) + (bytes.readBigUInt64LE(8) << 64n)) % (ROOTS + width - 1n)) - (width - 1n);
    const to = from + width;
    return { from: from < 0n ? 0n : from, to: to >= ROOTS ? null : to, place: bytes.readUInt8(16) % PLACES };
  });
}
