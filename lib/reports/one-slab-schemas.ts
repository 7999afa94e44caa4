/** The output of `slabmend plan SLAB` and `slabmend repair SLAB`. */
import * as v from "valibot";
import { bytes, count, hex, id, schemaVersion, time } from "./fields.ts";
import { endedMoves } from "./history-schema.ts";

const hastings = v.pipe(v.string(), v.regex(/^[0-9]{1,50}$/));

const planHost = v.object({
  id: count,
  hostKey: hex,
  address: v.nullable(v.string()),
  blocked: v.boolean(),
  usable: v.boolean(),
});

/** `slabmend plan --json`. */
export const planSchema = v.object({
  schemaVersion,
  slabId: id,
  digest: hex,
  minShards: count,
  totalShards: count,
  verdict: v.picklist(["healthy", "no-candidates", "too-few-sources", "repair"]),
  margin: v.pipe(
    v.number(),
    v.integer(),
    v.description("sectors on good hosts, under any contract, minus min_shards"),
  ),
  moves: v.array(
    v.object({
      index: count,
      root: hex,
      reason: v.picklist(["lost", "denied", "bad-host", "duplicate-host", "bad-contract", "draining"]),
      how: v.picklist(["copied", "rebuilt", "not-possible"]),
      from: v.nullable(planHost),
      to: v.nullable(
        v.pipe(
          planHost,
          v.description("a host that may take the sector; a repair chooses again. null: no host is left"),
        ),
      ),
    }),
  ),
  candidates: count,
  sources: v.object({ good: count, lastResort: count }),
  bytesRead: bytes,
  bytesWritten: bytes,
  hastings: v.pipe(hastings, v.description("at the prices of indexd's last scan")),
  state: v.nullable(
    v.pipe(
      v.object({
        nextAttempt: time,
        nextAttemptIsOurs: v.pipe(
          v.boolean(),
          v.description("true: slabmend wrote nextAttempt, and indexd has not claimed the slab since"),
        ),
        lease: v.picklist(["none", "waiting", "running"]),
        lastOutcome: v.nullable(v.string()),
        finishedAt: v.nullable(time),
        quarantinedUntil: v.nullable(time),
      }),
      v.description("the slab's state in slabmend and indexd; null: the slab has just been deleted"),
    ),
  ),
});

/** `slabmend repair --json`. */
export const repairSchema = v.object({
  schemaVersion,
  slabId: id,
  outcome: v.string(),
  why: v.nullable(v.pipe(v.string(), v.description("why the repair was stale; null: it was not"))),
  journal: v.nullable(
    v.pipe(
      v.object({
        outcome: v.string(),
        reportedOutcome: v.string(),
        error: v.nullable(v.string()),
        ...endedMoves,
        bytesRead: bytes,
        bytesWritten: bytes,
        hastings,
        phasesMs: v.record(v.string(), v.number()),
      }),
      v.description("the journal entry, as in `slabmend history`; null: nothing was recorded"),
    ),
  ),
  remedy: v.nullable(
    v.pipe(v.string(), v.description("what to do; null: nothing can be done, or the repair succeeded")),
  ),
});
