/** The common part of all messages: {"v":1,"kind":…,"indexer":…}. Each kind has its own queue. */
import * as v from "valibot";
import { MessageError, type MessageErrorCode } from "./queue-error.ts";

export const MESSAGE_VERSION = 1;

export type MessageKind = "repair" | "verify";

const versioned = v.looseObject({
  v: v.number(),
  kind: v.optional(v.string()),
  indexer: v.optional(v.string()),
});

/** The fields of the head, to be included in the schema of a whole message. */
export const messageHead = <Kind extends MessageKind>(kind: Kind) => ({
  v: v.literal(MESSAGE_VERSION),
  kind: v.literal(kind),
  indexer: v.string(),
});

/**
 * The message as JSON, after checking that its head is the expected one.
 * @throws {MessageError}
 */
export function readMessage(
  text: string,
  expected: { readonly kind: MessageKind; readonly indexer: string; readonly mostBytes: number },
): unknown {
  const { kind, indexer, mostBytes } = expected;
  const bytes = Buffer.byteLength(text);
  if (bytes > mostBytes) {
    throw refused(kind, "message-too-large", `expected at most ${mostBytes} bytes, got ${bytes}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's error is not passed on, because it quotes the text.
    throw refused(kind, "message-not-json", `expected JSON, got ${bytes} bytes of something else`);
  }
  const head = v.safeParse(versioned, value);
  if (!head.success) throw refused(kind, "message-malformed", "expected an object with a version number v");
  if (head.output.v !== MESSAGE_VERSION) {
    throw refused(
      kind,
      "message-unknown-version",
      `expected version ${MESSAGE_VERSION}, got ${head.output.v}`,
    );
  }
  if (head.output.kind !== kind) {
    throw refused(kind, "message-unknown-kind", `expected kind ${kind}, got another one`);
  }
  if (head.output.indexer !== indexer) {
    throw refused(kind, "message-of-another-indexer", `expected indexer ${indexer}, got another one`);
  }
  return value;
}

const REMEDIES: Partial<Record<MessageErrorCode, string>> = {
  "message-unknown-version": "Deploy one release everywhere; the message is received again.",
  "message-unknown-kind": "Deploy one release everywhere; the message is received again.",
  "message-of-another-indexer":
    "Check SLABMEND_INDEXER and SLABMEND_QUEUE_URL: each indexer has a queue of its own.",
};

const ENDS: Readonly<Record<MessageKind, string>> = {
  repair: "Find out what else writes to the queue; the message ends in the dead letters.",
  verify: "Find out what else writes to the queue; the message expires within half an hour.",
};

export function refused(kind: MessageKind, code: MessageErrorCode, what: string): MessageError {
  return new MessageError({
    code,
    message: `${kind} message: ${what}`,
    remedy: REMEDIES[code] ?? ENDS[kind],
  });
}
