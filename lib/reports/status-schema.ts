import * as v from "valibot";
import { bytes, count, money, schemaVersion, seconds, time } from "./fields.ts";
import { runSchema } from "./maintenance-schema.ts";
import { fleetMode } from "./mode.ts";

const lastRun = v.object({
  at: v.nullable(time),
  ageSeconds: v.nullable(seconds),
});

const budgetValues = v.object({
  hastings: v.nullable(v.string()),
  bytesRead: v.nullable(v.string()),
  repairs: v.nullable(v.string()),
});

/** `slabmend status --json` and `GET /api/v1/status`. */
export const statusSchema = v.object({
  schemaVersion,
  at: time,
  sentence: v.pipe(
    v.object({
      level: v.pipe(
        v.picklist(["safe", "waiting", "stopped", "danger", "unknown"]),
        v.description(
          "safe: no slab is unhealthy. waiting: some slabs are unhealthy, but none is in danger. stopped: nothing is repaired. danger: slabs may be lost. unknown: no walk has finished",
        ),
      ),
      text: v.string(),
    }),
    v.description("the summary sentence"),
  ),
  attention: v.pipe(
    v.array(v.object({ code: v.string(), says: v.string(), remedy: v.nullable(v.string()) })),
    v.description("problems that need attention, most urgent first; codes are stable"),
  ),
  mode: fleetMode,
  breaker: v.pipe(
    v.object({ open: v.boolean(), since: time, backoffUntil: v.nullable(time) }),
    v.description("the circuit breaker: open when most of the recent repairs failed"),
  ),
  slabs: v.pipe(
    v.object({
      total: v.nullable(v.pipe(count, v.description("slabs of indexd; an estimate unless totalIsExact"))),
      totalIsExact: v.boolean(),
      unhealthy: v.nullable(
        v.pipe(count, v.description("slabs in the backlog, including leased and waiting ones")),
      ),
      ready: v.nullable(v.pipe(count, v.description("may be leased now"))),
      waiting: v.nullable(
        v.pipe(
          count,
          v.description(
            "waiting for the end of a grace period or a lease, or for the time of the next attempt",
          ),
        ),
      ),
      inDanger: v.nullable(
        v.pipe(
          count,
          v.description(
            "slabs whose loss probability within a week is above dangerAbove, or whose last repair found too few sources; includes those beyond rescue",
          ),
        ),
      ),
      beyondRescue: v.nullable(
        v.pipe(count, v.description("slabs with fewer readable sectors than min_shards")),
      ),
      dangerAbove: v.number(),
    }),
    v.description("counts are null until a first walk over indexd's sectors has finished"),
  ),
  margins: v.pipe(
    v.array(
      v.object({ margin: v.pipe(v.number(), v.integer()), ready: count, waiting: count, inDanger: count }),
    ),
    v.description(
      "unhealthy slabs by margin: sectors on good hosts, under any contract, minus min_shards; ascending",
    ),
  ),
  walk: v.pipe(
    v.object({
      ...lastRun.entries,
      passSeconds: v.nullable(
        v.pipe(
          seconds,
          v.description("how long the slowest pass of the walk took; each cause has its own pass"),
        ),
      ),
    }),
    v.description(
      "the last complete walk over indexd's sectors; every entry of the backlog is at least as recent as this walk",
    ),
  ),
  claim: v.object({
    ...lastRun.entries,
    hasStopped: v.pipe(v.boolean(), v.description("no claim for 5 min, and no running repair")),
  }),
  reap: lastRun,
  leases: v.object({
    unsent: count,
    sent: count,
    running: count,
    expired: count,
    oldestSeconds: v.nullable(seconds),
  }),
  throughput: v.object({
    finishedInTenMinutes: v.pipe(count, v.description("slabs repaired or found healthy")),
    slabsPerHour: v.number(),
    secondsLeft: v.nullable(
      v.pipe(
        seconds,
        v.description(
          "estimated time until the slabs that are ready now are repaired, at the rate of the last ten minutes",
        ),
      ),
    ),
  }),
  lastHour: v.pipe(
    v.record(v.string(), count),
    v.description("number of repairs for every outcome, even if it is 0"),
  ),
  today: v.object({
    since: time,
    repairs: count,
    sectorsCopied: count,
    sectorsRebuilt: count,
    bytesRead: bytes,
    bytesWritten: bytes,
    paid: v.pipe(money, v.description("what hosts charged, or may have charged")),
    workerSeconds: v.pipe(seconds, v.description("sum of the times that repairs took from begin to commit")),
  }),
  budget: v.object({
    limits: budgetValues,
    spent: budgetValues,
    stoppedBy: v.pipe(v.array(v.string()), v.description("today's limits that are reached")),
    stoppedSince: v.nullable(time),
    checkedAt: v.nullable(time),
  }),
  deadLetters: count,
  quarantined: count,
  prunesHeldSince: v.nullable(
    v.pipe(time, v.description("since when indexd is kept from pruning after a restore; null: it is not")),
  ),
  atRisk: v.pipe(count, v.description("slabs whose last repair found too few sources")),
  eventsToBump: v.pipe(
    count,
    v.description("slabs with moved sectors whose objects' events are not bumped yet"),
  ),
  followers: v.pipe(
    v.array(
      v.object({
        name: v.string(),
        rowsBehind: count,
        behindSeconds: v.nullable(
          v.pipe(seconds, v.description("age of the oldest row that it has not processed")),
        ),
        stoppedBy: v.nullable(v.pipe(v.string(), v.description("a stable code: why it is stopped"))),
        stoppedSince: v.nullable(time),
      }),
    ),
    v.description("followers of the journal: its hourly totals, and its archive if there is one"),
  ),
  checks: v.pipe(
    v.object({
      confirmed: count,
      denied: count,
      superseded: v.pipe(
        count,
        v.description("answers that were not recorded, because indexd checked or moved the sector first"),
      ),
      wrongData: count,
      unanswered: count,
      paid: money,
      silentHosts: v.pipe(
        count,
        v.description("hosts that are skipped for a while, because they did not answer"),
      ),
      behindSeconds: v.pipe(
        seconds,
        v.description(
          "how long the oldest due check has waited, for slabmend or for indexd; checks on silent hosts do not count",
        ),
      ),
    }),
    v.description("due checks that slabmend made in the last 24 hours, with SLABMEND_VERIFY=due"),
  ),
  maintenance: v.nullable(v.pipe(runSchema, v.description("the unfinished maintenance run"))),
  indexd: v.object({
    databaseVersion: v.nullable(v.pipe(v.number(), v.integer())),
    verdict: v.nullable(v.string()),
    lastScanAt: v.nullable(v.pipe(time, v.description("when indexd last scanned any host successfully"))),
    lastScanAgeSeconds: v.nullable(seconds),
    seemsToRun: v.nullable(v.boolean()),
    unpinnedSectors: v.pipe(count, v.description("stored, but not yet appended to a contract by indexd")),
    oldestUnpinnedSeconds: v.nullable(seconds),
  }),
});

export type StatusReport = v.InferOutput<typeof statusSchema>;
