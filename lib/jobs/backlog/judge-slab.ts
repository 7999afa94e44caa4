/** From a slab's health to its entry in the backlog. Pure; time is the database's. */

import type { BacklogEntry } from "../../database/backlog/record-backlog.ts";
import type { SlabHealth } from "../../database/backlog/slab-health.ts";
import { HOLDER_FAILURE, type Holder, lossProbability } from "../../placement/loss-probability.ts";
import type { HostId, SlabId } from "../../slab/ids.ts";
import type { Thresholds } from "./backlog-settings.ts";
import { type Cause, isCause } from "./causes.ts";

export type SlabJudgement =
  /** Healthy, deleted, or really being deleted. */
  | { readonly kind: "remove"; readonly slabId: SlabId }
  | { readonly kind: "keep"; readonly entry: BacklogEntry };

export interface JudgeContext {
  readonly thresholds: Thresholds;
  /** Hosts that fail together: correlatedHosts(). */
  readonly groups: ReadonlyMap<HostId, number>;
  readonly nowMs: number;
}

/** A lease that is over but not reaped yet: to be looked at again, but not at once and for ever. */
const LEAST_WAIT_MS = 1_000;

/** What smallint holds. */
const MOST_MARGIN = 32_767;

export function judgeSlab(health: SlabHealth, { thresholds, groups, nowMs }: JudgeContext): SlabJudgement {
  if (!health.there || health.dying || health.bad.length === 0)
    return { kind: "remove", slabId: health.slabId };
  const holders = holdersOf(health, groups);
  const live = holders.reduce((sum, { sectors }) => sum + sectors, 0);
  const loss = lossProbability(health.minShards, holders);
  const counts = new Map<Cause, number>();
  for (const { cause } of health.bad) if (isCause(cause)) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  const since = sinceOf(counts.keys(), health, nowMs);
  const dueAtMs =
    loss > thresholds.dangerAbove
      ? nowMs
      : Math.min(...[...since].map(([cause, sinceMs]) => sinceMs + Math.max(0, thresholds.graceMs[cause])));
  const isDue = dueAtMs <= nowMs;
  const isFree = !health.leased && health.freeAtMs < nowMs;
  const knownWaiting = health.known?.waitingSinceMs ?? Number.POSITIVE_INFINITY;
  // Who had a turn goes behind those who wait for theirs: a slab that fails each time would stay the one that waits for longest.
  const attemptedAtMs = Math.min(health.attemptedAtMs ?? Number.NEGATIVE_INFINITY, nowMs);
  const onGoodHosts =
    health.good.length +
    health.bad.filter(({ cause, hostId }) => cause === "bad-contract" && hostId !== null).length;
  const margin = onGoodHosts - health.minShards;
  return {
    kind: "keep",
    entry: {
      slabId: health.slabId,
      // Beyond rescue: the others first, of which something can be saved.
      urgency: live < health.minShards ? 0 : loss,
      loss,
      margin: Math.max(-MOST_MARGIN, Math.min(MOST_MARGIN, margin)),
      causes: Object.fromEntries(counts),
      sinceMs: Object.fromEntries(since),
      // Leasing looks at the first again: a lost one, which is due by itself, before one that might wait.
      badSectors: health.bad
        .toSorted((a, b) => Number(b.cause === "lost") - Number(a.cause === "lost"))
        .map(({ sectorId }) => sectorId),
      firstSeenMs: Math.min(health.known?.firstSeenMs ?? nowMs, nowMs),
      waitingSinceMs: isDue ? Math.max(Math.min(knownWaiting, dueAtMs, nowMs), attemptedAtMs) : dueAtMs,
      ready: isDue && isFree,
      lookAtMs: Math.max(dueAtMs, health.freeAtMs, isDue && isFree ? nowMs : nowMs + LEAST_WAIT_MS),
    },
  };
}

function holdersOf(health: SlabHealth, groups: ReadonlyMap<HostId, number>): Holder[] {
  const holders = new Map<HostId, { sectors: number; failure: number }>();
  const add = (hostId: HostId, failure: number): void => {
    const holder = holders.get(hostId);
    if (holder === undefined) holders.set(hostId, { sectors: 1, failure });
    else {
      holder.sectors++;
      holder.failure = Math.max(holder.failure, failure);
    }
  };
  for (const hostId of health.good) add(hostId, HOLDER_FAILURE.good);
  for (const { hostId, cause } of health.bad) {
    if (hostId !== null)
      add(hostId, cause === "bad-contract" ? HOLDER_FAILURE["bad-contract"] : HOLDER_FAILURE["bad-host"]);
  }
  return [...holders].map(([hostId, holder]) => ({ ...holder, group: groups.get(hostId) ?? null }));
}

/** Since when each cause is known. A time that a clock has since jumped back from counts as now. */
function sinceOf(causes: Iterable<Cause>, health: SlabHealth, nowMs: number): Map<Cause, number> {
  return new Map(
    Array.from(causes, (cause): [Cause, number] => {
      const known = health.known?.since[cause];
      return [cause, known === undefined ? nowMs : Math.min(known, nowMs)];
    }),
  );
}
