/**
 * The message that asks for one repair: {"v":1,"kind":"repair","indexer":"default","slabId":"123","digest":"<hex>",
 * "token":"<uuid>"}. Ids and the token, nothing else: no key, no address. Any number of copies in any order are harmless,
 * because only the first begin with the right token wins.
 */
import * as v from "valibot";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../slab/ids.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import { MessageError, type MessageErrorCode } from "./queue-error.ts";

const MESSAGE_VERSION = 1;

/** A message has at most 250 bytes; anything far larger is not ours. */
const MAX_MESSAGE_BYTES = 1_024;

const versioned = v.looseObject({
  v: v.number(),
  kind: v.optional(v.string()),
  indexer: v.optional(v.string()),
});
const repairMessage = v.strictObject({
  v: v.literal(MESSAGE_VERSION),
  kind: v.literal("repair"),
  indexer: v.string(),
  slabId: v.string(),
  digest: v.string(),
  token: v.string(),
});

/** @param indexer the name of the indexer whose database holds the lease */
export function encodeRepairMessage({ slabId, digest, token }: LeasedSlab, indexer: string): string {
  return JSON.stringify({
    v: MESSAGE_VERSION,
    kind: "repair",
    indexer,
    slabId: String(slabId),
    digest,
    token,
  });
}

/**
 * @param indexer the name of the indexer that the reader works for
 * @throws {MessageError}
 */
export function decodeRepairMessage(text: string, indexer: string): LeasedSlab {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_MESSAGE_BYTES) {
    throw refused("message-too-large", `expected at most ${MAX_MESSAGE_BYTES} bytes, got ${bytes}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text.
    throw refused("message-not-json", `expected JSON, got ${bytes} bytes of something else`);
  }
  const head = v.safeParse(versioned, value);
  if (!head.success) throw refused("message-malformed", "expected an object with a version v");
  if (head.output.v !== MESSAGE_VERSION) {
    throw refused("message-unknown-version", `expected version ${MESSAGE_VERSION}, got ${head.output.v}`);
  }
  if (head.output.kind !== "repair") {
    throw refused("message-unknown-kind", "expected kind repair, got another one");
  }
  if (head.output.indexer !== indexer) {
    throw refused("message-of-another-indexer", `expected indexer ${indexer}, got another one`);
  }
  const message = v.safeParse(repairMessage, value);
  if (!message.success) {
    throw refused("message-malformed", "expected the strings slabId, digest and token and nothing else");
  }
  try {
    return {
      slabId: parseSlabId(message.output.slabId),
      digest: parseSlabDigest(message.output.digest),
      token: parseLeaseToken(message.output.token),
    };
  } catch {
    throw refused("message-malformed", "expected a slab id in decimal, a digest in hex and a UUID");
  }
}

const REMEDIES: Partial<Record<MessageErrorCode, string>> = {
  "message-unknown-version": "Deploy one release everywhere; the message is received again.",
  "message-unknown-kind": "Deploy one release everywhere; the message is received again.",
  "message-of-another-indexer":
    "Check SLABMEND_INDEXER and SLABMEND_QUEUE_URL: each indexer has a queue of its own.",
};

function refused(code: MessageErrorCode, what: string): MessageError {
  return new MessageError({
    code,
    message: `repair message: ${what}`,
    remedy: REMEDIES[code] ?? "Find out what else writes to the queue; the message ends in the dead letters.",
  });
}
