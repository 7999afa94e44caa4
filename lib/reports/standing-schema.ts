/** Records of lasting problems, for an operator to look at: dead letters, quarantine, denials and losses. */
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
            "can-be-sent: the message's lease still waits for its repair. moot: the slab no longer needs the message. unreadable: another program or a newer release has written the message",
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
            "open: the sector is still recorded on the host that denied it. lost: the sector was recorded as lost on that host, or has moved away since",
          ),
        ),
        isBadForGood: v.pipe(
          v.boolean(),
          v.description("true: three counted denials, and no read of the whole sector between them"),
        ),
        denials: count,
        wholeDeniedAt: v.nullable(
          v.pipe(
            time,
            v.description(
              "when a read of the whole sector was denied; null: only reads of a range were denied",
            ),
          ),
        ),
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
