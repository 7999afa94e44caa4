/**
 * Drains hosts. The run itself is the drain: while it is running, draining_hosts names its hosts, so claim leases their
 * slabs and repairs copy the sectors away. The coordinator only reports progress and detects the end:
 *
 *   read which sectors left the hosts (the journal) -> count those that are left, a page at a time -> none: done
 *
 * The coordinator contacts no host, and the sectors move without it. If it crashes, only some counting is repeated.
 */
import type { Ask } from "../../database/client/deadline-client.ts";
import { countPage, readDeparted, readDrainStanding } from "../../database/drain/read-drain.ts";
import { sequenceJournal } from "../../database/journal/sequence-journal.ts";
import type { MaintenanceJob, RunContext, Step } from "../maintenance/maintenance-job.ts";
import {
  type DrainCheckpoint,
  type DrainScope,
  type DrainStatistics,
  drainCheckpointOf,
  drainScopeOf,
  drainStatisticsOf,
} from "./drain-run.ts";

export type DrainStep = "departed-read" | "counted-page";

export interface DrainDependencies {
  /** For kill tests. */
  readonly step?: (name: DrainStep) => void | Promise<void>;
}

/** Counting this many sectors takes some milliseconds of index reads. */
const PAGE_SECTORS = 5_000;
const PAGE_ROWS = 2_000;
/**
 * The shortest pause between two checks. A run of reap gives the drain no more time than this, so each run of reap
 * makes one check.
 */
const PAUSE_MS = 10_000;
/** Milliseconds of pause per millisecond of counting, so that counting takes a small share of the database's time. */
const PAUSE_FOR_MS_COUNTED = 4;
const LONGEST_PAUSE_MS = 120_000;

export function createDrainJob(deps: DrainDependencies = {}): MaintenanceJob {
  return {
    kind: "drain",
    advance: (context) => advance(context, deps),
    // Nothing to clean up: the hosts of a cancelled run are no longer drained, so commits drop the moves in progress.
    settle: () => Promise.resolve(true),
  };
}

async function advance(context: RunContext, deps: DrainDependencies): Promise<Step> {
  const { run, ask, clock } = context;
  const scope = drainScopeOf(run);
  const startedAtMs = clock.now();
  const departed = await followDeparted(context, scope, {
    checkpoint: drainCheckpointOf(run),
    statistics: drainStatisticsOf(run),
  });
  await deps.step?.("departed-read");
  const { checkpoint, total } = await countLeft(context, scope, departed.checkpoint, deps);
  const request = { hosts: scope.hosts, startedAt: run.startedAt };
  const standing = await ask((sql) => readDrainStanding(sql, request), { isIdempotent: true });
  const statistics: DrainStatistics = {
    ...departed.statistics,
    hosts: [...standing.hosts],
    stopped: [...standing.stopped],
    outcomes: { ...standing.outcomes },
    indexdRepairs: departed.statistics.indexdRepairs || standing.indexdRepairs,
    ...(total === undefined ? {} : { left: total.before, newer: total.since }),
  };
  const waitMs = Math.min(
    LONGEST_PAUSE_MS,
    Math.max(PAUSE_MS, PAUSE_FOR_MS_COUNTED * (clock.now() - startedAtMs)),
  );
  if (total?.before !== 0) return { checkpoint, statistics, waitMs };
  // Repairs may have ended since the journal was read: count them, so that the run's figures add up.
  const last = await followDeparted(context, scope, { checkpoint, statistics });
  return { ...last, end: { state: "done" } };
}

interface Progress {
  readonly checkpoint: DrainCheckpoint;
  readonly statistics: DrainStatistics;
}

/** Reads the journal to its end, or until the time is up. */
async function followDeparted(
  { run, ask, clock, endsAtMs }: RunContext,
  { hosts }: DrainScope,
  from: Progress,
): Promise<Progress> {
  let { checkpoint, statistics } = from;
  await ask((sql) => sequenceJournal(sql), { isIdempotent: true });
  for (;;) {
    const request = { hosts, startedAt: run.startedAt, after: checkpoint.position, limit: PAGE_ROWS };
    const { departed, position, rows } = await ask((sql) => readDeparted(sql, request), {
      isIdempotent: true,
    });
    checkpoint = { ...checkpoint, position };
    statistics = {
      ...statistics,
      copied: statistics.copied + departed.copied,
      rebuilt: statistics.rebuilt + departed.rebuilt,
      found: statistics.found + departed.found,
      lost: statistics.lost + departed.lost,
    };
    if (rows < PAGE_ROWS || clock.now() >= endsAtMs) return { checkpoint, statistics };
  }
}

/** Continues the pass over the hosts' sectors. `total`: the pass is complete, with this many sectors left. */
async function countLeft(
  { run, ask, clock, endsAtMs, signal }: RunContext,
  { hosts }: DrainScope,
  from: DrainCheckpoint,
  deps: DrainDependencies,
): Promise<{ readonly checkpoint: DrainCheckpoint; readonly total?: DrainCheckpoint["counted"] }> {
  let at = from;
  for (;;) {
    const host = hosts[at.host];
    if (host === undefined) {
      return {
        checkpoint: { ...at, host: 0, after: null, counted: { before: 0, since: 0 } },
        total: at.counted,
      };
    }
    const page = await countOne(ask, { host, startedAt: run.startedAt, after: at.after });
    const counted = { before: at.counted.before + page.before, since: at.counted.since + page.since };
    at = { ...at, counted, after: page.last, host: page.last === null ? at.host + 1 : at.host };
    await deps.step?.("counted-page");
    if (clock.now() >= endsAtMs || signal.aborted) return { checkpoint: at };
  }
}

const countOne = (ask: Ask, request: Omit<Parameters<typeof countPage>[1], "limit">) =>
  ask((sql) => countPage(sql, { ...request, limit: PAGE_SECTORS }), { isIdempotent: true });
