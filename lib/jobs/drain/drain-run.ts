/** A drain's request, checkpoint and statistics, as stored in slabmend.runs. */
import * as v from "valibot";
import type { Run } from "../../database/runs/run.ts";
import { parseHostKey, parseRoot } from "../../slab/ids.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const root = v.pipe(v.string(), v.transform(parseRoot));
const hostKey = v.pipe(v.string(), v.transform(parseHostKey));

const scopeSchema = v.object({
  /** Read by draining-hosts.sql. */
  hosts: v.pipe(v.array(hostKey), v.minLength(1)),
  /** Number of sectors on these hosts when the run started. */
  sectors: count,
});

/**
 * Sectors counted so far in this pass: those recorded on the hosts before the run started, and those recorded since.
 */
const counted = v.object({ before: count, since: count });

const checkpointSchema = v.object({
  /** The position up to which the journal was read; null: nothing was read yet. */
  position: v.optional(v.nullable(count), null),
  /** The index of the host whose sectors are being counted, and the root after which counting continues. */
  host: v.optional(count, 0),
  after: v.optional(v.nullable(root), null),
  counted: v.optional(counted, { before: 0, since: 0 }),
});

const statisticsSchema = v.object({
  /**
   * Sectors recorded on the hosts before the start and still there, as of the last complete pass; null: no pass was
   * completed.
   */
  left: v.optional(v.nullable(count), null),
  /** Sectors that users or indexd recorded on the hosts since the start. */
  newer: v.optional(count, 0),
  copied: v.optional(count, 0),
  rebuilt: v.optional(count, 0),
  found: v.optional(count, 0),
  lost: v.optional(count, 0),
  hosts: v.optional(v.array(v.object({ host: hostKey, state: v.string() })), []),
  /** Codes of the reasons why nothing is leased. */
  stopped: v.optional(v.array(v.string()), []),
  /** Number of waiting slabs, by the outcome of their last repair. */
  outcomes: v.optional(v.record(v.string(), count), {}),
  indexdRepairs: v.optional(v.boolean(), false),
});

export type DrainScope = v.InferOutput<typeof scopeSchema>;
export type DrainCheckpoint = v.InferOutput<typeof checkpointSchema>;
export type DrainStatistics = v.InferOutput<typeof statisticsSchema>;

export const drainScopeOf = (run: Pick<Run, "scope">): DrainScope => v.parse(scopeSchema, run.scope);
export const drainCheckpointOf = (run: Pick<Run, "checkpoint">): DrainCheckpoint =>
  v.parse(checkpointSchema, run.checkpoint);
export const drainStatisticsOf = (run: Pick<Run, "statistics">): DrainStatistics =>
  v.parse(statisticsSchema, run.statistics);
