import * as v from "valibot";
import { bytes, count, money, schemaVersion, seconds, time } from "./fields.ts";

const bucket = v.object({
  from: time,
  to: time,
  repairs: v.pipe(count, v.description("finished repairs of any outcome")),
  slabs: v.pipe(count, v.description("repaired or found healthy")),
  sectorsCopied: count,
  sectorsRebuilt: count,
  bytesRead: bytes,
  bytesWritten: bytes,
  paid: money,
  workerSeconds: seconds,
  outcomes: v.record(v.string(), count),
});

/** `GET /api/v1/throughput`. */
export const throughputSchema = v.object({
  schemaVersion,
  at: time,
  bucketSeconds: v.pipe(v.number(), v.integer(), v.minValue(1)),
  buckets: v.pipe(
    v.array(bucket),
    v.description("ascending, without gaps; the last bucket has not ended yet"),
  ),
});

export type ThroughputReport = v.InferOutput<typeof throughputSchema>;
