/** What a drain is asked for, where it stands and how far it has come, as it is kept in slabmend.runs. */
import * as v from "valibot";
import type { Run } from "../../database/runs/run.ts";
import { parseHostKey, parseRoot } from "../../slab/ids.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const root = v.pipe(v.string(), v.transform(parseRoot));
const hostKey = v.pipe(v.string(), v.transform(parseHostKey));

const scopeSchema = v.object({
  /** draining-hosts.sql reads them. */
  hosts: v.pipe(v.array(hostKey), v.minLength(1)),
  /** On them when the run was started. */
  sectors: count,
});

/** Sectors that are counted in this pass so far. */
const counted = v.object({ before: count, since: count });

const checkpointSchema = v.object({
  /** Of the journal, read up to here; null: nothing was read yet. */
  position: v.optional(v.nullable(count), null),
  /** Which host is being counted, and after which root. */
  host: v.optional(count, 0),
  after: v.optional(v.nullable(root), null),
  counted: v.optional(counted, { before: 0, since: 0 }),
});

const statisticsSchema = v.object({
  /** Recorded on the hosts before the start and still there, as of the last pass; null: none has ended yet. */
  left: v.optional(v.nullable(count), null),
  /** Recorded there since the start, by users or indexd. */
  newer: v.optional(count, 0),
  copied: v.optional(count, 0),
  rebuilt: v.optional(count, 0),
  found: v.optional(count, 0),
  lost: v.optional(count, 0),
  hosts: v.optional(v.array(v.object({ host: hostKey, state: v.string() })), []),
  /** Why nothing is leased; codes. */
  stopped: v.optional(v.array(v.string()), []),
  /** Slabs that wait, by the outcome of their last repair. */
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
