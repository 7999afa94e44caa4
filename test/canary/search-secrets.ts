/**
 * Looks for secrets in whatever left a process: log lines, messages, errors, rows. Every form that a careless line of
 * code gives to bytes is looked into, and a secret is found by any piece of it, so that a shortened one is found too.
 * One pass over each reading of the texts, however many secrets there are.
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
  /** Text as its UTF-8 bytes. */
  readonly bytes: Uint8Array;
  /** What is looked for instead of every piece of eight bytes; such as two words in a row of a phrase. */
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

/** Less may stand anywhere: a password "postgres" is in every URL. */
const LEAST_SECRET_BYTES = 12;

/** U+FFFD as UTF-8. */
const REPLACEMENT = Buffer.from("\ufffd");

/** Every place where a piece of a secret stands, in whatever form. */
export function searchSecrets(secrets: Iterable<Secret>, traces: Iterable<Trace>): Finding[] {
  const sought = [...secrets].filter(({ bytes }) => bytes.length >= LEAST_SECRET_BYTES);
  const index = new PieceIndex<Secret>();
  for (const secret of sought) for (const piece of piecesOf(secret)) index.add(piece, secret);
  // Made only for texts that need it.
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

/** Pieces side by side, and the last one: any 15 bytes of the secret hold a whole one. */
function* piecesOf({ bytes, pieces }: Secret): Generator<Uint8Array> {
  if (pieces !== undefined) return yield* pieces;
  const last = bytes.length - PIECE_BYTES;
  for (let from = 0; from < last; from += PIECE_BYTES) yield bytes.subarray(from, from + PIECE_BYTES);
  yield bytes.subarray(last);
}

/** Half of random bytes are no UTF-8: of what is left every piece counts. */
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
