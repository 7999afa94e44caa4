/** What stands until an operator looks at it: dead letters, quarantine, denials and losses. */
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
            "can-be-sent: its lease waits. moot: its slab goes on without it. unreadable: this release cannot read it",
          ),
        ),
        cause: v.string(),
        slabId: v.nullable(id),
        bodyBytes: bytes,
        body: v.nullable(v.pipe(v.string(), v.description("the beginning of an unreadable one"))),
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
    v.description("those that end soonest first"),
  ),
});

export type QuarantineReport = v.InferOutput<typeof quarantineSchema>;

/** `slabmend losses --json` and `GET /api/v1/losses`. */
export const lossesSchema = v.object({
  schemaVersion,
  at: time,
  total: count,
  losses: v.array(
    v.object({
      root: hex,
      sectorId: id,
      host: v.pipe(hex, v.description("host key")),
      state: v.pipe(
        v.picklist(["open", "lost", "bad", "cleared"]),
        v.description(
          "open: denied, the sector is still recorded there. lost: recorded as lost. bad: denied three times without a full read. cleared: the host served the whole sector again",
        ),
      ),
      reason: v.pipe(v.string(), v.description("what the host said: sector-not-found, sector-corrupt")),
      denials: count,
      firstDeniedAt: time,
      lastDeniedAt: time,
      slabs: v.array(id),
    }),
  ),
  next: cursor,
});

export type LossesReport = v.InferOutput<typeof lossesSchema>;
