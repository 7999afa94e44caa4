/** Finds any of many short byte sequences in one pass over a long one. */

/**
 * Length of a piece. A piece has 2^64 possible values, so a random piece does not occur by chance in texts of some 2^25
 * bytes.
 */
export const PIECE_BYTES = 8;
/** A piece with fewer distinct bytes, such as zeros, also occurs in harmless places. */
const LEAST_DISTINCT_BYTES = 5;
/** Length of a piece's head, which is the lookup key. */
const HEAD_BYTES = 4;
const FILTER_BITS = 22;
/** 2^32 / golden ratio (Knuth, section 6.4): spreads heads over the filter. */
const SPREAD = 0x9e3779b1;

interface Piece<Owner> {
  readonly bytes: Uint8Array;
  readonly owner: Owner;
}

export class PieceIndex<Owner> {
  // A set bit says that a piece's head has this hash. The filter rules out most positions of a text.
  readonly #filter = new Uint8Array(2 ** (FILTER_BITS - 3));
  readonly #byHead = new Map<number, Piece<Owner>[]>();

  /** Adds a piece of at least {@link PIECE_BYTES}; false if it is too regular to be recognised. */
  add(bytes: Uint8Array, owner: Owner): boolean {
    if (bytes.length < PIECE_BYTES || new Set(bytes).size < LEAST_DISTINCT_BYTES) return false;
    const head = (bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]! | 0;
    const slot = slotOf(head);
    this.#filter[slot >>> 3]! |= 1 << (slot & 7);
    const pieces = this.#byHead.get(head);
    if (pieces === undefined) this.#byHead.set(head, [{ bytes, owner }]);
    else pieces.push({ bytes, owner });
    return true;
  }

  /** The owners of all pieces that occur in `text`. */
  find(text: Uint8Array): Set<Owner> {
    const found = new Set<Owner>();
    const filter = this.#filter;
    let head = 0;
    for (let end = 0; end < text.length; end += 1) {
      head = (head << 8) | text[end]!;
      const slot = slotOf(head);
      if ((filter[slot >>> 3]! & (1 << (slot & 7))) === 0 || end < HEAD_BYTES - 1) continue;
      for (const { bytes, owner } of this.#byHead.get(head) ?? []) {
        if (standsAt(text, end - HEAD_BYTES + 1, bytes)) found.add(owner);
      }
    }
    return found;
  }
}

function slotOf(head: number): number {
  return Math.imul(head, SPREAD) >>> (32 - FILTER_BITS);
}

function standsAt(text: Uint8Array, at: number, piece: Uint8Array): boolean {
  if (at + piece.length > text.length) return false;
  for (let i = HEAD_BYTES; i < piece.length; i += 1) if (text[at + i] !== piece[i]) return false;
  return true;
}
