/**
 * The message that requests the due checks of one batch: {"v":1,"kind":"verify","indexer":"default","hostId":7,
 * "claimedUntil":"2026-01-01 00:30:00.123456+00","sectorIds":["1","2"]}. It is harmless to receive the message
 * repeatedly or late: a check's result is recorded only while the sector's next_integrity_check still equals
 * claimedUntil.
 */
import * as v from "valibot";
import type { DueBatch } from "../database/verify/due-checks.ts";
import type { HostId, SectorId } from "../slab/ids.ts";
import { MESSAGE_VERSION, messageHead, readMessage, refused } from "./message-head.ts";

/** A message with a hundred ids of 19 digits is shorter than this. */
const MAX_MESSAGE_BYTES = 4_096;
const MOST_SECTORS = 100;

const checkMessage = v.strictObject({
  ...messageHead("verify"),
  hostId: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(2_147_483_647)),
  claimedUntil: v.pipe(
    v.string(),
    v.regex(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d{1,6})?[+-]\d{2}(:\d{2})?$/),
  ),
  sectorIds: v.pipe(
    v.array(v.pipe(v.string(), v.regex(/^\d{1,19}$/))),
    v.minLength(1),
    v.maxLength(MOST_SECTORS),
  ),
});

/** Whether the message requests checks, even if it is malformed. */
export function isCheckMessage(text: string): boolean {
  try {
    return (JSON.parse(text) as { kind?: unknown } | null)?.kind === "verify";
  } catch {
    return false;
  }
}

/** @param indexer the name of the indexer whose sectors are claimed */
export function encodeCheckMessage(batch: DueBatch, indexer: string): string {
  const { hostId, claimedUntil, sectorIds } = batch;
  return JSON.stringify({
    v: MESSAGE_VERSION,
    kind: "verify",
    indexer,
    hostId,
    claimedUntil,
    sectorIds: sectorIds.map(String),
  });
}

/**
 * @param indexer the name of the indexer for which the message is read
 * @throws {MessageError}
 */
export function decodeCheckMessage(text: string, indexer: string): DueBatch {
  const value = readMessage(text, { kind: "verify", indexer, mostBytes: MAX_MESSAGE_BYTES });
  const message = v.safeParse(checkMessage, value);
  if (!message.success) {
    throw refused(
      "verify",
      "message-malformed",
      "expected a valid hostId, claimedUntil and sectorIds, and no unknown key",
    );
  }
  const { hostId, claimedUntil, sectorIds } = message.output;
  return {
    hostId: hostId as HostId,
    claimedUntil,
    sectorIds: sectorIds.map((id) => BigInt(id) as SectorId),
  };
}
