/**
 * Rule 9 of docs/architecture.md: messages hold only ids and the token. Checks every message that workers received.
 * Pure.
 */

const FIELDS = ["v", "kind", "indexer", "slabId", "digest", "token"];
const NAME = /^[a-z][a-z0-9-]{0,23}$/;
const SLAB_ID = /^[1-9][0-9]{0,18}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A body may hold only a version, a kind, an indexer's name, a slab's id and digest, and a token. Finds everything else
 * in these bodies. Never quotes a body: content that must not be in a message must not be printed either.
 * @param digests digests of the stored slabs by id, to tell a digest from a key: both look alike
 */
export function strangeMessages(bodies: readonly string[], digests: ReadonlyMap<string, string>): string[] {
  return bodies.flatMap((body, number) =>
    strangeParts(body, digests).map((what) => `message ${number + 1} of ${bodies.length} holds ${what}`),
  );
}

function strangeParts(body: string, digests: ReadonlyMap<string, string>): string[] {
  let message: unknown;
  try {
    message = JSON.parse(body);
  } catch {
    return ["a body that is not JSON"];
  }
  if (typeof message !== "object" || message === null || Array.isArray(message)) return ["no object"];
  const { v, kind, indexer, slabId, digest, token } = message as Readonly<Record<string, unknown>>;
  const others = Object.keys(message).filter((name) => !FIELDS.includes(name)).length;
  const known = typeof slabId === "string" && SLAB_ID.test(slabId) ? digests.get(slabId) : undefined;
  return [
    ...(others > 0 ? [`${others} fields other than ids and the token`] : []),
    ...(Number.isSafeInteger(v) ? [] : ["a version that is not a number"]),
    ...(isName(kind) && isName(indexer) ? [] : ["a kind or an indexer that is not a name"]),
    ...(known === undefined ? ["an id that no stored slab has"] : []),
    ...(known !== undefined && known !== digest ? ["a digest of another slab"] : []),
    ...(typeof token === "string" && UUID.test(token) ? [] : ["a token that is not a UUID"]),
  ];
}

function isName(value: unknown): boolean {
  return typeof value === "string" && NAME.test(value);
}
