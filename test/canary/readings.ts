/**
 * Decodes bytes that a text contains in encoded form. Instead of encoding every secret in every form and alignment, the
 * text is decoded once in every form, and the results are searched for the plain bytes.
 */

export interface Reading {
  readonly form: string;
  readonly bytes: Uint8Array;
}

/** How many encodings inside each other are decoded, as in base64 of JSON that contains hex. */
const MOST_LAYERS = 2;
/**
 * Runs of digits that are long enough to contain a piece: its eight bytes are 16 hex digits or 11 base64 digits. A run
 * of more than 65,536 digits is decoded in parts.
 */
const HEX = /[0-9a-fA-F]{16,65536}/g;
const BASE64 = /[A-Za-z0-9+/_-]{11,65536}/g;
/** Each entry ends with the number of alignments to try, because other digits may precede the encoded bytes. */
const ENCODINGS = [
  ["hex", HEX, "hex", 2],
  ["base64", BASE64, "base64", 4],
] as const;
const NUMBERS = /\d{1,3}(?:,\d{1,3}){7,65536}/g;
/** Names of a logged Uint8Array's elements: `{"0":17,"1":4}`. */
const INDEX_NAMES = /"\d{1,5}":/g;
const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([nrtbfv0"'\\/]))/g;
const CONTROL: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  b: "\b",
  f: "\f",
  v: "\v",
  0: "\0",
};

/** Every reading of a text; the first is the text itself. */
export function* readingsOf(text: Buffer, outer = ""): Generator<Reading> {
  const layers = outer === "" ? 0 : outer.split(" in ").length;
  const named = (form: string): string => (outer === "" ? form : `${form} in ${outer}`);
  yield { form: named("raw"), bytes: text };

  // Latin-1 makes one character of each byte, so that no byte is lost.
  const plain = text.toString("latin1");
  const dense = plain.replaceAll(/\s+/g, "");
  for (const view of plain === dense ? [plain] : [plain, dense]) {
    for (const [form, run, encoding, alignments] of ENCODINGS) {
      for (let skip = 0; skip < alignments; skip += 1) {
        const decoded = (view.match(run) ?? []).map((digits) => Buffer.from(digits.slice(skip), encoding));
        const { texts = [], others = [] } = Object.groupBy(decoded, (bytes) =>
          isText(bytes) ? "texts" : "others",
        );
        if (others.length > 0) yield { form: named(form), bytes: joined(others) };
        if (texts.length === 0) continue;
        if (layers < MOST_LAYERS) yield* readingsOf(joined(texts), named(form));
        else yield { form: named(form), bytes: joined(texts) };
      }
    }
  }
  for (const bytes of numberLists(dense)) yield { form: named("numbers"), bytes };

  if (layers >= MOST_LAYERS) return;
  // Code may also print each byte as a character, with the escapes of JSON, inspect() or URLs.
  const characters = text.toString("utf8");
  if (/[\u0080-\u00ff]/.test(characters)) {
    yield { form: named("characters"), bytes: Buffer.from(characters, "latin1") };
  }
  if (characters.includes("\\")) {
    const unescaped = characters.replaceAll(ESCAPE, characterOf);
    yield { form: named("escaped"), bytes: Buffer.from(unescaped, "latin1") };
    yield { form: named("escaped"), bytes: Buffer.from(unescaped, "utf8") };
  }
  if (/%[0-9a-fA-F]{2}/.test(plain)) {
    const decoded = plain.replaceAll(/%([0-9a-fA-F]{2})/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    );
    yield* readingsOf(Buffer.from(decoded, "latin1"), named("percent-encoded"));
  }
}

/** What is left of bytes that were decoded as UTF-8: invalid bytes became U+FFFD, which is removed here. */
export function survivorsOf(text: Buffer): Buffer {
  return Buffer.from(text.toString("utf8").replaceAll("\ufffd", ""), "utf8");
}

/** Joins runs with a byte between them, so that no match spans two of them. */
function joined(runs: readonly Buffer[]): Buffer {
  return Buffer.concat(runs.flatMap((bytes) => [bytes, GAP]));
}

const GAP = Buffer.from("\n");

function* numberLists(dense: string): Generator<Buffer> {
  const lists = dense.replaceAll(INDEX_NAMES, "").match(NUMBERS) ?? [];
  for (const list of lists) yield Buffer.from(list.split(",").map(Number));
}

/** Whether decoded bytes are text again: more than half of them are printable, against 37 % of random bytes. */
function isText(bytes: Buffer): boolean {
  let printable = 0;
  for (const byte of bytes) if (byte >= 0x20 && byte < 0x7f) printable += 1;
  return printable * 2 > bytes.length;
}

function characterOf(_: string, unicode?: string, hex?: string, character?: string): string {
  const digits = unicode ?? hex;
  if (digits !== undefined) return String.fromCharCode(Number.parseInt(digits, 16));
  return CONTROL[character!] ?? character!;
}
