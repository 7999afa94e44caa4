/**
 * The message that asks for one repair, version 1: {"v":1,"slabId":"123","digest":"<hex>","token":"<uuid>"}. Ids and the
 * token, nothing else: no key, no address. Any number of copies in any order are harmless, because only the first
 * begin with the right token wins.
 */
import * as v from "valibot";
import {
  type LeaseToken,
  parseLeaseToken,
  parseSlabDigest,
  parseSlabId,
  type SlabDigest,
  type SlabId,
} from "../slab/ids.ts";
import { MessageError, type MessageErrorCode } from "./queue-error.ts";

export interface RepairMessage {
  readonly slabId: SlabId;
  readonly digest: SlabDigest;
  readonly token: LeaseToken;
}

const MESSAGE_VERSION = 1;

/** A message of version 1 has at most 170 bytes; what is far larger is not ours. */
const MAX_MESSAGE_BYTES = 1_024;

const versioned = v.looseObject({ v: v.number() });
const body = v.strictObject({
  v: v.literal(MESSAGE_VERSION),
  slabId: v.string(),
  digest: v.string(),
  token: v.string(),
});

export function encodeRepairMessage({ slabId, digest, token }: RepairMessage): string {
  return JSON.stringify({ v: MESSAGE_VERSION, slabId: String(slabId), digest, token });
}

/** @throws {MessageError} */
export function decodeRepairMessage(text: string): RepairMessage {
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
  const version = v.safeParse(versioned, value);
  if (!version.success) throw refused("message-malformed", "expected an object with a version v");
  if (version.output.v !== MESSAGE_VERSION) {
    throw refused("message-unknown-version", `expected version ${MESSAGE_VERSION}, got ${version.output.v}`);
  }
  const parsed = v.safeParse(body, value);
  if (!parsed.success) {
    throw refused("message-malformed", "expected the strings slabId, digest and token and nothing else");
  }
  try {
    return {
      slabId: parseSlabId(parsed.output.slabId),
      digest: parseSlabDigest(parsed.output.digest),
      token: parseLeaseToken(parsed.output.token),
    };
  } catch {
    throw refused("message-malformed", "expected a slab id in decimal, a digest in hex and a UUID");
  }
}

function refused(code: MessageErrorCode, what: string): MessageError {
  return new MessageError({
    code,
    message: `repair message: ${what}`,
    remedy:
      code === "message-unknown-version"
        ? "Deploy one release everywhere; messages of the other go on when it is there."
        : "Look who else writes to the queue; the message ends in the dead letters.",
  });
}
