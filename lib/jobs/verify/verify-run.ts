/** A verification's request, checkpoint and statistics, as stored in slabmend.runs. */
import * as v from "valibot";
import type { Run } from "../../database/runs/run.ts";
import { parseHostKey, parseRoot, parseSlabDigest } from "../../slab/ids.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const id = v.pipe(v.string(), v.regex(/^\d{1,19}$/));
const share = v.pipe(v.number(), v.gtValue(0), v.ltValue(1));
const root = v.pipe(v.string(), v.transform(parseRoot));
const digest = v.pipe(v.string(), v.transform(parseSlabDigest));

const scopeSchema = v.variant("of", [
  v.object({
    of: v.literal("host"),
    host: v.pipe(v.string(), v.transform(parseHostKey)),
    /** Number of sectors on the host when the run started. */
    sectors: count,
    sample: v.nullable(
      v.object({
        missingShare: share,
        confidence: share,
        draws: count,
        seed: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      }),
    ),
  }),
  v.object({ of: v.literal("slab"), slab: id, sectors: count }),
  v.object({
    of: v.literal("object"),
    object: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    /** Values of `objects.id`, one for each account that has the object. */
    ids: v.array(id),
    /** Number of sectors in the object's slabs: a sector shared by several slabs counts once for each. */
    sectors: count,
  }),
]);

const checkpointSchema = v.object({
  batch: v.optional(count, 0),
  after: v.optional(v.nullable(root), null),
  /** Only for an object: the digest of the slab to which `after` belongs; null: no slab of the object was begun. */
  slab: v.optional(v.nullable(digest), null),
  /** Only for a sample: number of windows drawn so far. */
  windows: v.optional(count, 0),
  /** Consecutive batches in which the run's host did not answer for any sector. */
  silent: v.optional(count, 0),
  /**
   * The sectors of the current batch that were claimed for a check and have no recorded result yet, in the form in
   * which claim-checks.sql returns them.
   */
  claimed: v.optional(v.array(v.looseObject({})), []),
});

const statisticsSchema = v.object({
  /** Number of processed sectors; for a sample, number of draws: a sector that was drawn twice counts twice. */
  passed: v.optional(count, 0),
  confirmed: v.optional(count, 0),
  denied: v.optional(count, 0),
  superseded: v.optional(count, 0),
  wrongData: v.optional(count, 0),
  /** Sectors that are on no host, or moved away before the request. */
  notThere: v.optional(count, 0),
  /** Sectors about which the host gave no answer, by the code of its failure. */
  unanswered: v.optional(v.record(v.string(), count), {}),
  hastings: v.optional(v.pipe(v.string(), v.regex(/^\d+$/)), "0"),
});

export type VerifyScope = v.InferOutput<typeof scopeSchema>;
export type VerifyCheckpoint = v.InferOutput<typeof checkpointSchema>;
export type VerifyStatistics = v.InferOutput<typeof statisticsSchema>;

export const scopeOf = (run: Pick<Run, "scope">): VerifyScope => v.parse(scopeSchema, run.scope);
export const checkpointOf = (run: Pick<Run, "checkpoint">): VerifyCheckpoint =>
  v.parse(checkpointSchema, run.checkpoint);
export const statisticsOf = (run: Pick<Run, "statistics">): VerifyStatistics =>
  v.parse(statisticsSchema, run.statistics);
