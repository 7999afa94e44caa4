/**
 * The message that asks for one repair, version 1: {"v":1,"slabId":"123","digest":"<hex>","token":"<uuid>"}. Ids and the
 * token, nothing else: no key, no address. Any number of copies in any order are harmless, because only the first
 * begin with the right token wins.
 *
 * During a deployment two releases send and receive. So a release that writes a new version also reads the one before it:
 * those messages are in the queue already. What only a newer release can read goes back to the queue for it.
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

/** What a message of one version says; throws whatever is wrong with it. */
export type MessageReader = (value: unknown) => RepairMessage;

const MESSAGE_VERSION = 1;

/** A message of version 1 has at most 170 bytes; what is far larger is not ours. */
export const MAX_MESSAGE_BYTES = 1_024;

const versioned = v.looseObject({ v: v.number() });
const version1 = v.strictObject({
  v: v.literal(1),
  slabId: v.string(),
  digest: v.string(),
  token: v.string(),
});

/** By version: the one that is written, and the one that the release before this wrote. Never change one that was released. */
export const MESSAGE_READERS: ReadonlyMap<number, MessageReader> = new Map([[1, readVersion1]]);

function readVersion1(value: unknown): RepairMessage {
  const parsed = v.safeParse(version1, value);
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

export function encodeRepairMessage({ slabId, digest, token }: RepairMessage): string {
  return JSON.stringify({ v: MESSAGE_VERSION, slabId: String(slabId), digest, token });
}

/**
 * @param readers those of another release, to show how both live side by side
 * @throws {MessageError}
 */
export function decodeRepairMessage(
  text: string,
  readers: ReadonlyMap<number, MessageReader> = MESSAGE_READERS,
): RepairMessage {
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
  const reader = readers.get(version.output.v);
  if (reader === undefined) {
    const known = [...readers.keys()].join(" or ");
    throw refused("message-unknown-version", `expected version ${known}, got ${version.output.v}`);
  }
  return reader(value);
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
