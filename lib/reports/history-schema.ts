import * as v from "valibot";
import { bytes, count, cursor, hex, id, money, schemaVersion, seconds, time } from "./fields.ts";

/** What a repair did to each sector. */
export const endedMoves = {
  moves: v.array(
    v.object({
      index: count,
      root: hex,
      from: v.nullable(v.pipe(hex, v.description("host key; null: the sector was lost"))),
      to: v.pipe(hex, v.description("host key")),
      how: v.picklist(["copied", "rebuilt", "found"]),
    }),
  ),
  lost: v.array(v.object({ root: hex, host: hex })),
  dropped: v.array(v.object({ index: count, why: v.string() })),
};

const endedRepair = v.object({
  id,
  kind: v.pipe(
    v.string(),
    v.description("drain: a repair whose only cause was a draining host; repair: any other repair"),
  ),
  slabId: id,
  digest: hex,
  outcome: v.pipe(v.string(), v.description("the recorded outcome")),
  reportedOutcome: v.pipe(
    v.string(),
    v.description(
      "the outcome that the worker reported; the recorded one differs if, for example, moves were dropped",
    ),
  ),
  error: v.nullable(v.pipe(v.string(), v.description("a stable code"))),
  ...endedMoves,
  bytesRead: bytes,
  bytesWritten: bytes,
  paid: money,
  phasesMs: v.record(v.string(), v.number()),
  worker: v.string(),
  leasedAt: time,
  beganAt: time,
  endedAt: time,
  seconds,
});

/** `slabmend history --json`, `GET /api/v1/journal` and `GET /api/v1/slabs/:id/history`. */
export const historySchema = v.object({
  schemaVersion,
  at: time,
  repairs: v.pipe(v.array(endedRepair), v.description("latest first")),
  searchedSince: v.nullable(
    v.pipe(
      time,
      v.description("the search covered all repairs that ended after this time; null: the whole journal"),
    ),
  ),
  next: cursor,
});

export type HistoryReport = v.InferOutput<typeof historySchema>;
