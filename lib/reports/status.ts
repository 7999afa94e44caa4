import type { Ask } from "../database/client/deadline-client.ts";
import { OLD_SCAN_MS } from "../database/indexd/network-state.ts";
import { OUTCOMES } from "../database/leases/outcome-writes.ts";
import { readStatus, type StatusFacts, type WalkOfCause } from "../database/reports/read-status.ts";
import { DEFAULT_THRESHOLDS } from "../jobs/backlog/backlog-settings.ts";
import { CAUSES } from "../jobs/backlog/causes.ts";
import { haveClaimsStopped } from "./claims-stopped.ts";
import { moneyOf, SCHEMA_VERSION, timeOrNull } from "./fields.ts";
import { describeRun } from "./maintenance.ts";
import { describeMode } from "./mode.ts";
import { type AttentionFacts, statusAttention } from "./status-attention.ts";
import type { StatusReport } from "./status-schema.ts";
import { statusSentence } from "./status-sentence.ts";

/** Slabs above this loss probability are in danger; no variable changes it. */
const { dangerAbove } = DEFAULT_THRESHOLDS;

export async function readStatusReport(ask: Ask): Promise<StatusReport> {
  return reportStatus(await ask((sql) => readStatus(sql, { dangerAbove }), { isIdempotent: true }));
}

/** Derives the report from the tables. Pure. */
export function reportStatus(facts: StatusFacts): StatusReport {
  const { at, leases, budget, today } = facts;
  const ageOf = (then: Date | null): number | null =>
    // If a time lies in the future, the clock was set back since; the time counts as equally far in the past.
    then === null ? null : Math.abs(at.getTime() - then.getTime()) / 1_000;
  const walk = lastWalk(facts.walks);
  const claimAge = ageOf(facts.claimedAt);
  const slabs = countSlabs(facts, walk !== null);
  const slabsPerHour = facts.finishedInTenMinutes * 6;
  const said: AttentionFacts = {
    at: at.toISOString(),
    mode: describeMode(facts.mode),
    breaker: {
      open: facts.breaker.open,
      since: facts.breaker.since.toISOString(),
      backoffUntil: facts.breaker.open ? timeOrNull(facts.breaker.backoffUntil) : null,
    },
    slabs,
    margins: [...facts.backlog],
    walk: {
      at: walk === null ? null : new Date(walk.finishedAtMs).toISOString(),
      ageSeconds: walk === null ? null : ageOf(new Date(walk.finishedAtMs)),
      passSeconds: walk === null ? null : walk.passMs / 1_000,
    },
    claim: {
      at: timeOrNull(facts.claimedAt),
      ageSeconds: claimAge,
      hasStopped: haveClaimsStopped({ ageSeconds: claimAge, running: leases.running }),
    },
    reap: { at: timeOrNull(facts.reapedAt), ageSeconds: ageOf(facts.reapedAt) },
    leases,
    throughput: {
      finishedInTenMinutes: facts.finishedInTenMinutes,
      slabsPerHour,
      secondsLeft:
        slabs.ready === null || slabs.ready === 0 || slabsPerHour === 0
          ? null
          : (slabs.ready / slabsPerHour) * 3_600,
    },
    lastHour: { ...Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])), ...facts.lastHour },
    today: {
      since: facts.dayStart.toISOString(),
      repairs: today.repairs,
      sectorsCopied: today.sectorsCopied,
      sectorsRebuilt: today.sectorsRebuilt,
      bytesRead: today.bytesRead,
      bytesWritten: today.bytesWritten,
      paid: moneyOf(today.hastings),
      workerSeconds: today.workerSeconds,
    },
    budget: {
      limits: budgetValues(budget?.limits),
      spent: budgetValues(budget?.spent),
      stoppedBy: [...(budget?.stoppedBy ?? [])],
      stoppedSince: timeOrNull(budget?.stoppedSince),
      checkedAt: timeOrNull(budget?.checkedAt),
    },
    deadLetters: facts.deadLetters,
    quarantined: facts.quarantined,
    prunesHeldSince: timeOrNull(facts.prunesHeldSince),
    atRisk: facts.atRisk,
    eventsToBump: facts.eventsToBump,
    followers: facts.followers.map(({ name, rowsBehind, behindSeconds, stoppedBy, stoppedSince }) => ({
      name,
      rowsBehind,
      behindSeconds: behindSeconds ?? null,
      stoppedBy: stoppedBy ?? null,
      stoppedSince: timeOrNull(stoppedSince),
    })),
    checks: checksOf(facts.checks),
    maintenance: facts.run === undefined ? null : describeRun(facts.run),
    indexd: indexdOf(facts, ageOf),
  };
  return {
    schemaVersion: SCHEMA_VERSION,
    ...said,
    sentence: statusSentence(said),
    attention: statusAttention(said),
  };
}

/**
 * Each cause has its own passes over the sectors. Returns the earliest of the times at which the causes' last passes
 * ended: every entry of the backlog is at least as recent as this time. Null if some cause has no finished pass yet.
 */
function lastWalk(
  walks: readonly WalkOfCause[],
): { readonly finishedAtMs: number; readonly passMs: number } | null {
  const ended = CAUSES.map((cause) => walks.find((walk) => walk.cause === cause));
  const times = ended.map((walk) => walk?.finishedAtMs ?? null);
  if (times.includes(null)) return null;
  return {
    finishedAtMs: Math.min(...times.map(Number)),
    passMs: Math.max(...ended.map((walk) => walk?.passMs ?? 0)),
  };
}

function countSlabs({ backlog, beyondRescue, slabs }: StatusFacts, isKnown: boolean): StatusReport["slabs"] {
  const sum = (key: "ready" | "waiting" | "inDanger"): number =>
    backlog.reduce((total, margin) => total + margin[key], 0);
  // Until the first walk has ended, the backlog is incomplete; slabs in danger are reported anyway.
  const isTold = isKnown || sum("inDanger") > 0;
  return {
    total: slabs.total,
    totalIsExact: slabs.isExact,
    unhealthy: isTold ? sum("ready") + sum("waiting") : null,
    ready: isTold ? sum("ready") : null,
    waiting: isTold ? sum("waiting") : null,
    inDanger: isTold ? sum("inDanger") : null,
    beyondRescue: isTold ? beyondRescue : null,
    dangerAbove,
  };
}

function checksOf({ hastings, ...sums }: StatusFacts["checks"]): StatusReport["checks"] {
  return { ...sums, paid: moneyOf(hastings) };
}

function budgetValues(values: Readonly<Record<string, string>> = {}): StatusReport["budget"]["limits"] {
  return {
    hastings: values["hastings"] ?? null,
    bytesRead: values["bytesRead"] ?? null,
    repairs: values["repairs"] ?? null,
  };
}

function indexdOf(
  { indexd }: StatusFacts,
  ageOf: (then: Date | null) => number | null,
): StatusReport["indexd"] {
  const scanAge = ageOf(indexd.lastScanAt);
  return {
    databaseVersion: indexd.databaseVersion,
    verdict: indexd.verdict,
    lastScanAt: timeOrNull(indexd.lastScanAt),
    lastScanAgeSeconds: scanAge,
    seemsToRun: indexd.hosts === 0 ? null : scanAge !== null && scanAge * 1_000 <= OLD_SCAN_MS,
    unpinnedSectors: indexd.unpinnedSectors,
    oldestUnpinnedSeconds: ageOf(indexd.oldestUnpinnedAt),
  };
}
