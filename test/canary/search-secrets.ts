/**
 * Searches a process's output for secrets: log lines, messages, errors, rows. It decodes every form in which code may
 * print bytes, and finds a secret by any piece of it, so that shortened secrets are found too. It passes only once over
 * each decoded form, however many secrets there are.
 *
 * ```ts
 * const found = searchSecrets([{ name: "slab key", bytes: slab.slabKey }], [{ where: "log", text: line }]);
 * expect(found).toEqual([]);
 * ```
 */
import { PIECE_BYTES, PieceIndex } from "./piece-index.ts";
import { readingsOf, survivorsOf } from "./readings.ts";

export interface Secret {
  readonly name: string;
  /** A secret that is text is given as its UTF-8 bytes. */
  readonly bytes: Uint8Array;
  /** Pieces to search for instead of any eight bytes of the secret; for example two consecutive words of a phrase. */
  readonly pieces?: readonly Uint8Array[];
}

export interface Trace {
  readonly where: string;
  readonly text: string | Uint8Array;
}

export interface Finding {
  readonly secret: string;
  readonly form: string;
  readonly where: string;
}

/** Shorter secrets are not searched for, because they may occur anywhere: a password "postgres" is in every URL. */
const LEAST_SECRET_BYTES = 12;

/** U+FFFD as UTF-8. */
const REPLACEMENT = Buffer.from("\ufffd");

/** Every place that contains a piece of a secret in any form. */
export function searchSecrets(secrets: Iterable<Secret>, traces: Iterable<Trace>): Finding[] {
  const sought = [...secrets].filter(({ bytes }) => bytes.length >= LEAST_SECRET_BYTES);
  const index = new PieceIndex<Secret>();
  for (const secret of sought) for (const piece of piecesOf(secret)) index.add(piece, secret);
  // Computed only if needed.
  let survivors: PieceIndex<Secret> | undefined;
  const findings = new Map<string, Finding>();
  const find = (where: string, form: string, found: Iterable<Secret>): void => {
    for (const { name } of found)
      findings.set(`${name} as ${form} in ${where}`, { secret: name, form, where });
  };
  for (const { where, text } of traces) {
    const bytes = typeof text === "string" ? Buffer.from(text) : Buffer.from(text);
    for (const { form, bytes: reading } of readingsOf(bytes)) find(where, form, index.find(reading));
    if (!bytes.includes(REPLACEMENT)) continue;
    survivors ??= survivorIndexOf(sought);
    find(where, "read as UTF-8", survivors.find(survivorsOf(bytes)));
  }
  return [...findings.values()];
}

/**
 * Cuts a secret into adjacent pieces of eight bytes; the last piece may overlap the one before. Any 15 bytes of the
 * secret contain a whole piece.
 */
function* piecesOf({ bytes, pieces }: Secret): Generator<Uint8Array> {
  if (pieces !== undefined) return yield* pieces;
  const last = bytes.length - PIECE_BYTES;
  for (let from = 0; from < last; from += PIECE_BYTES) yield bytes.subarray(from, from + PIECE_BYTES);
  yield bytes.subarray(last);
}

/**
 * Indexes what is left of secrets that code has decoded as UTF-8: about half of a secret's random bytes are invalid in
 * UTF-8, and decoding loses them. Because so few bytes are left, all overlapping pieces are indexed.
 */
function survivorIndexOf(secrets: readonly Secret[]): PieceIndex<Secret> {
  const index = new PieceIndex<Secret>();
  for (const secret of secrets) {
    const left = survivorsOf(Buffer.from(secret.bytes));
    for (let from = 0; from + PIECE_BYTES <= left.length; from += 1) {
      index.add(left.subarray(from, from + PIECE_BYTES), secret);
    }
  }
  return index;
}
