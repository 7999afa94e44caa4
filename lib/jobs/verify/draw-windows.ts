/**
 * Draws sectors of a host with equal probability, without reading all of them. Drawing random ids would not work: ids
 * have gaps, and most ids belong to sectors of other hosts. But roots are hashes, and an index has each host's roots in
 * order. So a draw tries random windows of roots, each wide enough for one sector on average. A sector's place in a
 * window is its number in the order of roots, counted from 0. With each window, a random place from 0 to 15 is drawn;
 * the window hits if it has a sector at this place. Every sector is in equally many windows, and has exactly one place
 * in each of them, so all sectors have the same probability. Simply taking the next root after a random point would
 * favour sectors after wide gaps, and a host knows which sectors these are. On average, one in 16 windows hits. Pure.
 */
import { createHash } from "node:crypto";
import type { RootWindow } from "../../database/verify/read-scope.ts";

/** The probability that a window has more than 16 sectors is 10^-15. */
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

/** Draws `count` windows, from window `first` on, of the sequence that the seed determines. */
export function drawWindows({ seed, first, count, sectors }: WindowRequest): RootWindow[] {
  const width = ROOTS / BigInt(Math.max(1, sectors));
  return Array.from({ length: count }, (_, n) => {
    const bytes = createHash("sha256")
      .update(`${seed} ${first + n}`)
      .digest();
    // A window may start below the lowest possible root, so that this root is in as many windows as any other.
    const from =
      ((bytes.readBigUInt64LE(0) + (bytes.readBigUInt64LE(8) << 64n)) % (ROOTS + width - 1n)) - (width - 1n);
    const to = from + width;
    return { from: from < 0n ? 0n : from, to: to >= ROOTS ? null : to, place: bytes.readUInt8(16) % PLACES };
  });
}
