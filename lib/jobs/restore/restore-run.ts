/** A restore's request, checkpoint and statistics, as stored in slabmend.runs. */
import * as v from "valibot";
import type { Run } from "../../database/runs/run.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const digits = v.pipe(v.string(), v.regex(/^\d{1,20}$/));

const scopeSchema = v.object({
  /** Null: no archive is read. */
  archive: v.nullable(
    v.object({
      place: v.string(),
      /** Identifies the archive's indexer, in hex. */
      walletHash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      /** Journal position of the last row in the backup; null: the archive is read from its beginning. */
      after: v.nullable(v.object({ incarnation: count, position: count })),
      end: v.object({ incarnation: count, position: count }),
    }),
  ),
  /** Null: the step `scan` is skipped, so hosts are asked only for sectors that the archive names. */
  scan: v.nullable(
    v.object({
      /** Sectors in the database at the start; a shared sector counts once. */
      sectors: count,
      /** Hosts that can be asked for a sector that is not where the database says. */
      hosts: count,
      /** The scan makes at most this many requests to hosts. */
      probes: count,
    }),
  ),
  /** Number of contracts without a known successor at the start. */
  contracts: count,
});

/** The steps, in order. After a crash a step continues from its own cursor. */
export const RESTORE_STEPS = [
  "contracts",
  "unpinned",
  "records",
  "placements",
  "scan",
  "clocks",
  "events",
] as const;

const checkpointSchema = v.object({
  step: v.optional(v.picklist(RESTORE_STEPS), "contracts"),
  /** contracts.id, sectors.id or slabs.id up to which the step is done, in decimal digits. */
  after: v.optional(digits, "0"),
});

const statisticsSchema = v.object({
  /** `archive PLACE`, or `scan`. */
  source: v.optional(v.string(), ""),
  contractsAsked: v.optional(count, 0),
  /** Renewals and refreshes recorded. */
  contractsChained: v.optional(count, 0),
  /** Number of contracts without a known successor, whose sectors were unpinned, by the code of the failure. */
  contractsUnknown: v.optional(v.record(v.string(), count), {}),
  sectorsUnpinned: v.optional(count, 0),
  /**
   * Unpinned sectors whose three days began again: the count of the step `unpinned`, later replaced by the count of the
   * step `clocks`.
   */
  unpinnedRestarted: v.optional(count, 0),
  recordsRead: v.optional(count, 0),
  /** Sectors that occur in the archive. */
  sectorsNamed: v.optional(count, 0),
  placed: v.optional(count, 0),
  alreadyRight: v.optional(count, 0),
  /** Sectors that are lost according to the archive, and that their hosts denied again. */
  lost: v.optional(count, 0),
  /** Sectors with an open denial: the next repairs request them once more, and rebuild them if that fails. */
  denied: v.optional(count, 0),
  /** Sectors that the host neither proved nor denied, by the code of its failure. */
  unanswered: v.optional(v.record(v.string(), count), {}),
  /** Placements that the database refused, by the reason: place-sectors.sql. */
  refused: v.optional(v.record(v.string(), count), {}),
  /**
   * Slabs and sectors in the archive but not in the database: newer than the backup, or deleted by their users since.
   */
  slabsUnknown: v.optional(count, 0),
  sectorsUnknown: v.optional(count, 0),
  /** Sectors that the archive places on hosts that are not in the database. */
  onUnknownHosts: v.optional(count, 0),
  /** Sectors requested by the scan; a shared sector counts once for each slab. */
  sectorsScanned: v.optional(count, 0),
  /** Sectors that are on none of the hosts that the scan asked. */
  notFound: v.optional(count, 0),
  /** True: the probes did not suffice to request every sector, or to complete every search for a sector. */
  probesSpent: v.optional(v.boolean(), false),
  /** Requests to hosts for a leaf of a sector. */
  probes: v.optional(count, 0),
  hastings: v.optional(v.pipe(v.string(), v.regex(/^\d+$/)), "0"),
});

export type RestoreScope = v.InferOutput<typeof scopeSchema>;
export type RestoreCheckpoint = v.InferOutput<typeof checkpointSchema>;
export type RestoreStatistics = v.InferOutput<typeof statisticsSchema>;

export const restoreScopeOf = (run: Pick<Run, "scope">): RestoreScope => v.parse(scopeSchema, run.scope);
export const restoreCheckpointOf = (run: Pick<Run, "checkpoint">): RestoreCheckpoint =>
  v.parse(checkpointSchema, run.checkpoint);
export const restoreStatisticsOf = (run: Pick<Run, "statistics">): RestoreStatistics =>
  v.parse(statisticsSchema, run.statistics);

/** Adds `n` to the count of a code. */
export function counted(
  counts: Readonly<Record<string, number>>,
  code: string,
  n = 1,
): Record<string, number> {
  return { ...counts, [code]: (counts[code] ?? 0) + n };
}

/** Adds the cost of requests to hosts. */
export function withProbes(
  statistics: RestoreStatistics,
  { probes, hastings }: { readonly probes: number; readonly hastings: bigint },
): RestoreStatistics {
  return {
    ...statistics,
    probes: statistics.probes + probes,
    hastings: String(BigInt(statistics.hastings) + hastings),
  };
}

export const sourceOf = ({ archive }: RestoreScope): string =>
  archive === null ? "scan" : `archive ${archive.place}`;
