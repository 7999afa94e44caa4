import * as v from "valibot";
import { count, cursor, hex, id, schemaVersion, time } from "./fields.ts";

const slabState = v.pipe(
  v.picklist(["ready", "waiting", "leased", "quarantined", "healthy"]),
  v.description(
    "ready: may be leased now. waiting: may be leased after `until`. leased: for a repair. quarantined: its repairs crashed workers. healthy: not in the backlog",
  ),
);

/** What the walk found about an unhealthy slab. */
const unhealthySlab = v.object({
  id,
  digest: v.nullable(v.pipe(hex, v.description("indexd's API calls it the slab id; null: the slab is gone"))),
  minShards: v.nullable(count),
  totalShards: count,
  margin: v.pipe(
    v.number(),
    v.integer(),
    v.description("sectors on good hosts, under any contract, minus min_shards"),
  ),
  lossProbability: v.pipe(v.number(), v.minValue(0), v.maxValue(1), v.description("within a week")),
  inDanger: v.boolean(),
  causes: v.pipe(
    v.record(v.string(), count),
    v.description("sectors by cause: lost, bad-contract, bad-host, …"),
  ),
  since: v.pipe(v.record(v.string(), time), v.description("when each cause was first seen")),
  waitingSince: time,
  state: slabState,
  until: v.nullable(
    v.pipe(time, v.description("when the wait, the lease or the quarantine ends; null: the slab is ready")),
  ),
  lastOutcome: v.nullable(v.string()),
  lastError: v.nullable(v.string()),
  lastEndedAt: v.nullable(time),
  objects: v.object({
    count: v.pipe(count, v.description("at most 1000 are counted")),
    more: v.pipe(v.boolean(), v.description("true: there are more objects than `count`")),
    keys: v.pipe(v.array(hex), v.description("keys of some of the objects, at most 5")),
  }),
});

/** `slabmend slabs --json` and `GET /api/v1/slabs`. */
export const slabsSchema = v.object({
  schemaVersion,
  at: time,
  walkFinishedAt: v.nullable(
    v.pipe(
      time,
      v.description("null: no walk has finished, so unhealthy slabs may be missing from the list"),
    ),
  ),
  matching: v.pipe(count, v.description("slabs that match the filters, on all pages")),
  slabs: v.pipe(v.array(unhealthySlab), v.description("most likely to be lost first")),
  next: cursor,
});

export type SlabsReport = v.InferOutput<typeof slabsSchema>;
export type UnhealthySlab = v.InferOutput<typeof unhealthySlab>;

const shard = v.object({
  index: count,
  root: hex,
  hostId: v.nullable(v.pipe(v.number(), v.integer())),
  hostKey: v.nullable(hex),
  address: v.nullable(v.string()),
  contractId: v.nullable(hex),
  state: v.pipe(
    v.picklist([
      "live",
      "unpinned",
      "lost",
      "denied",
      "bad-host",
      "bad-contract",
      "draining",
      "duplicate-host",
      "pinned-wrongly",
    ]),
    v.description(
      "live and unpinned shards stay; all others must move. denied: the host denied the sector. pinned-wrongly: rebuilding the shard from the others gives another root than the database has",
    ),
  ),
  why: v.pipe(
    v.array(v.string()),
    v.description(
      "problems of a bad host: blocked, no-active-contract, or the names of indexd's checks that it fails",
    ),
  ),
});

/** `slabmend slab SLAB --json` and `GET /api/v1/slabs/:id`. */
export const slabSchema = v.object({
  schemaVersion,
  at: time,
  id,
  digest: hex,
  minShards: count,
  totalShards: count,
  margin: v.pipe(v.number(), v.integer()),
  consecutiveFailedRepairs: v.pipe(count, v.description("indexd's counter")),
  backlog: v.nullable(unhealthySlab),
  state: slabState,
  shards: v.array(shard),
  objects: v.object({
    count: v.pipe(count, v.description("at most 1000 are counted")),
    more: v.boolean(),
    keys: v.pipe(v.array(hex), v.description("at most 100")),
  }),
  nextAttempt: v.object({ at: time, writtenBy: v.picklist(["slabmend", "indexd"]) }),
  lease: v.nullable(
    v.object({
      leasedAt: time,
      sentAt: v.nullable(time),
      beganAt: v.nullable(time),
      expiresAt: time,
      worker: v.nullable(v.string()),
      throughQueue: v.boolean(),
    }),
  ),
  lastRepair: v.nullable(
    v.object({
      outcome: v.string(),
      error: v.nullable(v.string()),
      endedAt: time,
      crashes: count,
      setbacks: count,
      quarantinedUntil: v.nullable(time),
      quarantineReason: v.nullable(v.string()),
    }),
  ),
});

export type SlabReport = v.InferOutput<typeof slabSchema>;
