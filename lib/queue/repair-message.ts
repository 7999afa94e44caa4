/**
 * The message that requests one repair: {"v":1,"kind":"repair","indexer":"default","slabId":"123","digest":"<hex>",
 * "token":"<uuid>"}. It contains only ids and the token: no key, no address. It is harmless to receive the message
 * repeatedly or late, because with one token only one repair can begin.
 */
import * as v from "valibot";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../slab/ids.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import { MESSAGE_VERSION, messageHead, readMessage, refused } from "./message-head.ts";

/** slabmend's messages have at most 250 bytes; a far larger one was written by another program. */
const MAX_MESSAGE_BYTES = 1_024;

const repairMessage = v.strictObject({
  ...messageHead("repair"),
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
 * @param indexer the name of the indexer for which the message is read
 * @throws {MessageError}
 */
export function decodeRepairMessage(text: string, indexer: string): LeasedSlab {
  const value = readMessage(text, { kind: "repair", indexer, mostBytes: MAX_MESSAGE_BYTES });
  const message = v.safeParse(repairMessage, value);
  if (!message.success) {
    throw refused(
      "repair",
      "message-malformed",
      "expected the strings slabId, digest and token and nothing else",
    );
  }
  try {
    return {
      slabId: parseSlabId(message.output.slabId),
      digest: parseSlabDigest(message.output.digest),
      token: parseLeaseToken(message.output.token),
    };
  } catch {
    throw refused("repair", "message-malformed", "expected a slab id in decimal, a digest in hex and a UUID");
  }
}
