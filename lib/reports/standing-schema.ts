/** Records that stay until an operator handles them: dead letters, quarantine, denials and losses. */
import * as v from "valibot";
import { bytes, count, cursor, hex, id, schemaVersion, time } from "./fields.ts";

/** `slabmend dead-letters list --json` and `GET /api/v1/dead-letters`. */
export const deadLettersSchema = v.object({
  schemaVersion,
  at: time,
  total: count,
  letters: v.pipe(
    v.array(
      v.object({
        messageId: v.string(),
        fate: v.pipe(
          v.picklist(["can-be-sent", "moot", "unreadable"]),
          v.description(
            "can-be-sent: its lease still waits. moot: its slab no longer needs it. unreadable: this release cannot read it",
          ),
        ),
        cause: v.string(),
        slabId: v.nullable(id),
        bodyBytes: bytes,
        body: v.nullable(v.pipe(v.string(), v.description("the beginning of an unreadable message"))),
        receiveCount: count,
        timesSeen: count,
        firstSeen: time,
        lastSeen: time,
      }),
    ),
    v.description("latest first"),
  ),
});

export type DeadLettersReport = v.InferOutput<typeof deadLettersSchema>;

/** `slabmend quarantine list --json` and `GET /api/v1/quarantine`. */
export const quarantineSchema = v.object({
  schemaVersion,
  at: time,
  total: count,
  slabs: v.pipe(
    v.array(v.object({ slabId: id, digest: hex, until: time, reason: v.string(), crashes: count })),
    v.description("earliest end first"),
  ),
});

export type QuarantineReport = v.InferOutput<typeof quarantineSchema>;

/** `slabmend losses list --json` and `GET /api/v1/losses`. */
export const lossesSchema = v.object({
  schemaVersion,
  at: time,
  total: count,
  losses: v.pipe(
    v.array(
      v.object({
        root: hex,
        sectorId: id,
        host: v.nullable(v.pipe(hex, v.description("host key; null: indexd has deleted the host"))),
        code: v.pipe(v.picklist(["not-found", "corrupt"]), v.description("the host's answer")),
        state: v.pipe(
          v.picklist(["open", "lost"]),
          v.description(
            "open: the sector is still recorded there. lost: it is recorded as lost in indexd's tables, or was moved away since",
          ),
        ),
        isBadForGood: v.pipe(v.boolean(), v.description("three denials without a full read between them")),
        denials: count,
        wholeDeniedAt: v.nullable(v.pipe(time, v.description("null: only a range of it was denied"))),
        firstDeniedAt: time,
        lastDeniedAt: time,
        slabs: v.pipe(v.array(id), v.description("some of the slabs that the sector is part of")),
      }),
    ),
    v.description("latest denial first"),
  ),
  next: cursor,
});

export type LossesReport = v.InferOutput<typeof lossesSchema>;
