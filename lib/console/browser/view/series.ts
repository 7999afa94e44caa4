import type { ThroughputReport } from "../openapi/reports.ts";

export interface ThroughputSeries {
  /** Start times of the buckets in Unix seconds, for uPlot. */
  readonly times: number[];
  readonly repairedPerHour: number[];
  readonly failedPerHour: number[];
  readonly siacoinsPerHour: number[];
  readonly readPerSecond: number[];
  readonly writtenPerSecond: number[];
  readonly total: {
    readonly slabs: number;
    readonly siacoins: number;
    readonly read: number;
    readonly written: number;
  };
}

/** Shorter buckets are left out, because their rates would mean nothing. */
const SHORTEST_MS = 5_000;

/** The rate of each bucket. The last bucket is not over: its rate uses the time that has passed so far. */
export function seriesOf({ at, buckets }: ThroughputReport): ThroughputSeries {
  const kept = buckets
    .map((bucket) => ({
      ...bucket,
      ms: Math.min(Date.parse(bucket.to), Date.parse(at)) - Date.parse(bucket.from),
    }))
    .filter(({ ms }) => ms >= SHORTEST_MS);
  const perHour = (amount: number, ms: number) => (amount * 3_600_000) / ms;
  const perSecond = (amount: number, ms: number) => (amount * 1_000) / ms;
  const sum = (of: (bucket: (typeof buckets)[number]) => number) =>
    buckets.reduce((total, one) => total + of(one), 0);
  return {
    times: kept.map(({ from }) => Date.parse(from) / 1000),
    repairedPerHour: kept.map(({ slabs, ms }) => perHour(slabs, ms)),
    failedPerHour: kept.map(({ repairs, slabs, ms }) => perHour(repairs - slabs, ms)),
    siacoinsPerHour: kept.map(({ paid, ms }) => perHour(paid.siacoins, ms)),
    readPerSecond: kept.map(({ bytesRead, ms }) => perSecond(bytesRead, ms)),
    writtenPerSecond: kept.map(({ bytesWritten, ms }) => perSecond(bytesWritten, ms)),
    total: {
      slabs: sum(({ slabs }) => slabs),
      siacoins: sum(({ paid }) => paid.siacoins),
      read: sum(({ bytesRead }) => bytesRead),
      written: sum(({ bytesWritten }) => bytesWritten),
    },
  };
}
