/**
 * Looks for secrets in whatever left a process: log lines, messages, errors, rows. Every form that a careless line of
 * code gives to bytes is searched for, and each half of a secret on its own, so that a shortened one is found too.
 *
 * ```ts
 * const found = searchSecrets([{ name: "slab key", bytes: slab.slabKey }], [{ where: "log", text: line }]);
 * expect(found).toEqual([]);
 * ```
 */

export interface Secret {
  readonly name: string;
  /** Text as its UTF-8 bytes. */
  readonly bytes: Uint8Array;
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

/** Shorter pieces would be found by chance. */
const LEAST_PIECE_BYTES = 8;

/**
 * The characters of base64 that depend on nothing but these bytes, when `before` other bytes stand in front of them in
 * their group of three.
 */
function base64At(bytes: Uint8Array, before: number, encoding: "base64" | "base64url"): string {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes])
    .toString(encoding)
    .replaceAll("=", "");
  const first = Math.ceil((before * 8) / 6);
  const whole = Math.floor(((before + bytes.length) * 8) / 6);
  return encoded.slice(first, whole);
}

/** Every form of one run of bytes, by its name. */
function* formsOf(bytes: Uint8Array): Generator<readonly [string, string]> {
  const buffer = Buffer.from(bytes);
  const raw = buffer.toString("latin1");
  yield ["raw", raw];
  yield ["raw, as UTF-8", Buffer.from(raw, "latin1").toString("utf8")];
  yield ["raw, escaped as JSON", JSON.stringify(raw).slice(1, -1)];
  yield ["percent-encoded", encodeURIComponent(raw)];
  yield ["hex", buffer.toString("hex")];
  yield ["hex, upper case", buffer.toString("hex").toUpperCase()];
  for (const before of [0, 1, 2]) {
    yield [`base64, alignment ${before}`, base64At(bytes, before, "base64")];
    yield [`base64url, alignment ${before}`, base64At(bytes, before, "base64url")];
  }
  yield ["array of numbers", [...bytes].join(",")];
  yield ["a logged Uint8Array", [...bytes].map((byte, at) => `"${at}":${byte}`).join(",")];
  yield [
    "bytes as inspect() shows them",
    [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" "),
  ];
}

function piecesOf({ bytes }: Secret): Uint8Array[] {
  const middle = Math.floor(bytes.length / 2);
  const halves = [bytes.subarray(0, middle), bytes.subarray(middle)];
  return halves.every((half) => half.length >= LEAST_PIECE_BYTES) ? halves : [bytes];
}

/** Every place where any form of a secret, or of half of it, stands. */
export function searchSecrets(secrets: Iterable<Secret>, traces: Iterable<Trace>): Finding[] {
  // Bytes in Latin-1, so that each is a character. A second view without white space, for bytes set in columns.
  const texts = [...traces].map(({ where, text }) => {
    const plain = typeof text === "string" ? text : Buffer.from(text).toString("latin1");
    return { where, views: [plain, plain.replaceAll(/\s/g, "")] };
  });
  const findings: Finding[] = [];
  for (const secret of secrets) {
    const seen = new Set<string>();
    for (const piece of piecesOf(secret)) {
      for (const [form, needle] of formsOf(piece)) {
        for (const { where, views } of texts) {
          const key = `${form} in ${where}`;
          if (needle === "" || seen.has(key) || !views.some((view) => view.includes(needle))) continue;
          seen.add(key);
          findings.push({ secret: secret.name, form, where });
        }
      }
    }
  }
  return findings;
}
