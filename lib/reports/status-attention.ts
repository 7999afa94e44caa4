/** What needs an operator's attention, most urgent first. Pure. */
import { OLD_PIN_MS } from "../database/indexd/network-state.ts";
import { duration } from "./duration.ts";
import { modeInWords } from "./mode.ts";
import type { StatusReport } from "./status-schema.ts";
import { WALK_IS_OLD_SECONDS } from "./status-sentence.ts";

export type AttentionFacts = Omit<StatusReport, "schemaVersion" | "sentence" | "attention">;

/**
 * Once a minute, reap lets each follower process the new rows of the journal: a row that has waited for half an hour
 * needs attention.
 */
const FOLLOWER_IS_BEHIND_SECONDS = 1_800;
/** Reap runs once a minute; a quarter of an hour without a run needs attention. */
const REAP_HAS_STOPPED_SECONDS = 900;

type Line = StatusReport["attention"][number];

export function statusAttention(facts: AttentionFacts): Line[] {
  const { claim, walk, breaker, budget, indexd, leases, reap } = facts;
  const running = facts.mode.kind === "running";
  const age = claim.ageSeconds;
  return [
    ...modeLine(facts),
    ...line(
      running && claim.hasStopped === true,
      "claim-stopped",
      age === null ? "no claim has run yet, so nothing is repaired" : `no claim for ${duration(age)}`,
      "Start slabmend work --from-database or slabmend serve. On AWS, run slabmend doctor and read the claim function's log.",
    ),
    ...line(
      breaker.open,
      "breaker-open",
      "the circuit breaker is open: most of the recent repairs failed, so only one slab a minute is tried",
      "Look for the cause with slabmend history, then slabmend doctor.",
    ),
    ...line(
      facts.atRisk > 0,
      "slabs-at-risk",
      `the last repair of ${counted(facts.atRisk, "slab")} found too few sources`,
      "slabmend slabs --at-risk",
    ),
    ...line(
      indexd.seemsToRun === false,
      "indexd-not-running",
      indexd.lastScanAgeSeconds === null
        ? "indexd has never scanned a host, so it is probably not running"
        : `indexd last scanned a host ${duration(indexd.lastScanAgeSeconds)} ago, so it is probably not running`,
      "Start indexd: without it repaired sectors are not pinned.",
    ),
    ...line(
      facts.prunesHeldSince !== null,
      "prunes-held",
      "indexd has been kept from pruning contracts since a restore",
      "When everything is verified, run slabmend restore release-prunes. Until then hosts keep data that is not needed, and are paid for it.",
    ),
    ...line(
      (indexd.oldestUnpinnedSeconds ?? 0) * 1_000 > OLD_PIN_MS,
      "pins-behind",
      `a sector has been waiting for ${duration(indexd.oldestUnpinnedSeconds ?? 0)} to be pinned; after 3 days it counts as lost`,
      "Check indexd: its contracts need allowance, collateral and space.",
    ),
    ...line(
      running && claim.hasStopped !== true && (walk.ageSeconds ?? 0) > WALK_IS_OLD_SECONDS,
      "walk-old",
      `the last walk over indexd's sectors ended ${duration(walk.ageSeconds ?? 0)} ago`,
      "Every claim continues the walk; read claim's log if the walk does not finish.",
    ),
    ...line(
      budget.stoppedBy.length > 0,
      "budget-reached",
      `today's budget is used up (${budget.stoppedBy.join(", ")}): only slabs in danger are leased`,
      null,
    ),
    ...line(
      (reap.ageSeconds ?? 0) > REAP_HAS_STOPPED_SECONDS,
      "reap-stopped",
      `no reap for ${duration(reap.ageSeconds ?? 0)}: slabs of crashed repairs stay leased`,
      "Read reap's log.",
    ),
    ...facts.followers.flatMap(followerLine),
    ...line(
      leases.expired > 0,
      "leases-expired",
      `${counted(leases.expired, "lease")} expired and not yet reaped`,
      null,
    ),
    ...line(
      facts.quarantined > 0,
      "slabs-quarantined",
      `${counted(facts.quarantined, "slab")} in quarantine`,
      "slabmend quarantine list",
    ),
    ...line(
      facts.deadLetters > 0,
      "dead-letters",
      counted(facts.deadLetters, "dead letter"),
      "slabmend dead-letters list",
    ),
  ];
}

function followerLine(follower: AttentionFacts["followers"][number]): Line[] {
  const { name, rowsBehind, behindSeconds, stoppedBy, stoppedSince } = follower;
  return stoppedBy === null
    ? line(
        (behindSeconds ?? 0) > FOLLOWER_IS_BEHIND_SECONDS,
        "journal-behind",
        `follower ${name} is ${rowsBehind} journal rows behind; the oldest of them is ${duration(behindSeconds ?? 0)} old`,
        "See docs/runbook.md#journal-behind.",
      )
    : line(
        true,
        "follower-stopped",
        `follower ${name} has been stopped by ${stoppedBy} since ${stoppedSince}`,
        "See docs/runbook.md#archive-stopped.",
      );
}

const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? "" : "s"}`;

function line(applies: boolean, code: string, says: string, remedy: string | null): Line[] {
  return applies ? [{ code, says, remedy }] : [];
}

function modeLine({ mode }: AttentionFacts): Line[] {
  if (mode.kind === "running") return [];
  const why = mode.reason === null ? "" : `: ${mode.reason}`;
  return [
    {
      code: `mode-${mode.kind}`,
      says: `${modeInWords(mode.kind)} since ${mode.since} by ${mode.owner}${why}`,
      remedy: mode.kind === "paused" || mode.kind === "suspended" ? "slabmend resume" : null,
    },
  ];
}
