import type { Ask } from "../database/client/deadline-client.ts";
import { readThroughput, type ThroughputBucket } from "../database/reports/read-throughput.ts";
import { readTime } from "../database/reports/read-time.ts";
import { moneyOf, SCHEMA_VERSION } from "./fields.ts";
import type { ThroughputReport } from "./throughput-schema.ts";

export interface ThroughputRequest {
  /** Length of the period. Default 24, at most {@link MOST_HOURS}. */
  readonly hours?: number | undefined;
  /** Default 3600. Buckets are made longer if there would otherwise be more than {@link MOST_BUCKETS} of them. */
  readonly bucketSeconds?: number | undefined;
}

/** Reading a day with 100,000 repairs takes about a tenth of a second. */
const MOST_HOURS = 168;
const MOST_BUCKETS = 1_000;

/** Buckets begin at whole multiples of their length since the epoch, so that every report has the same buckets. */
export async function readThroughputReport(
  ask: Ask,
  { hours = 24, bucketSeconds = 3_600 }: ThroughputRequest = {},
): Promise<ThroughputReport> {
  const spanSeconds = Math.min(hours, MOST_HOURS) * 3_600;
  const wide = Math.max(bucketSeconds, Math.ceil(spanSeconds / MOST_BUCKETS));
  const { at, range, buckets } = await ask(
    async (sql) => {
      const at = await readTime(sql);
      const lengthMs = wide * 1_000;
      const lastMs = Math.floor(at.getTime() / lengthMs) * lengthMs;
      const count = Math.max(1, Math.ceil(spanSeconds / wide));
      const range = {
        from: new Date(lastMs - (count - 1) * lengthMs),
        to: new Date(lastMs + lengthMs),
        count,
      };
      return { at, range, buckets: await readThroughput(sql, { ...range, bucketSeconds: wide }) };
    },
    { isIdempotent: true },
  );
  const found = new Map(buckets.map((bucket) => [bucket.bucket, bucket]));
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    bucketSeconds: wide,
    buckets: Array.from({ length: range.count }, (_, n) => {
      const from = new Date(range.from.getTime() + n * wide * 1_000);
      const to = new Date(from.getTime() + wide * 1_000);
      return { from: from.toISOString(), to: to.toISOString(), ...describeBucket(found.get(n)) };
    }),
  };
}

function describeBucket(
  bucket: ThroughputBucket | undefined,
): Omit<ThroughputReport["buckets"][number], "from" | "to"> {
  return {
    repairs: bucket?.repairs ?? 0,
    slabs: bucket?.slabs ?? 0,
    sectorsCopied: bucket?.copied ?? 0,
    sectorsRebuilt: bucket?.rebuilt ?? 0,
    bytesRead: bucket?.bytesRead ?? 0,
    bytesWritten: bucket?.bytesWritten ?? 0,
    paid: moneyOf(BigInt(bucket?.hastings ?? 0)),
    workerSeconds: bucket?.workerSeconds ?? 0,
    outcomes: { ...bucket?.outcomes },
  };
}
