/** Derives a slab's backlog entry from its health. Pure; all times are by the database's clock. */

import type { BacklogChanges, BacklogEntry } from "../../database/backlog/record-backlog.ts";
import type { SlabHealth } from "../../database/backlog/slab-health.ts";
import { HOLDER_FAILURE, type Holder, lossProbability } from "../../placement/loss-probability.ts";
import type { HostId, SlabId } from "../../slab/ids.ts";
import type { Thresholds } from "./backlog-settings.ts";
import { type Cause, isCause } from "./causes.ts";

export type SlabJudgement =
  /** The slab is healthy, deleted, or about to be deleted. */
  | { readonly kind: "remove"; readonly slabId: SlabId }
  | { readonly kind: "keep"; readonly entry: BacklogEntry };

export interface JudgeContext {
  readonly thresholds: Thresholds;
  /** Hosts that are likely to fail together: correlatedHosts(). */
  readonly groups: ReadonlyMap<HostId, number>;
  readonly nowMs: number;
}

/**
 * A slab that is in the backlog only because of a drain comes after the slabs with any other cause, and before those
 * beyond rescue.
 */
export const DRAIN_URGENCY = 1e-300;

/**
 * Shortest time until a slab is judged again. Without this wait, a slab whose lease has expired, but was not reaped
 * yet, would be judged in a tight loop.
 */
const LEAST_WAIT_MS = 1_000;

/** The largest smallint. */
const MOST_MARGIN = 32_767;

export function judgeSlab(health: SlabHealth, { thresholds, groups, nowMs }: JudgeContext): SlabJudgement {
  if (!health.there || health.dying || health.givenUp || health.bad.length === 0)
    return { kind: "remove", slabId: health.slabId };
  const holders = holdersOf(health, groups);
  const live = holders.reduce((sum, { sectors }) => sum + sectors, 0);
  const loss = lossProbability(health.minShards, holders);
  const counts = new Map<Cause, number>();
  for (const { cause } of health.bad) if (isCause(cause)) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  // Nothing is wrong with a slab that is only drained, even if its code tolerates few losses: it gets no priority, and
  // the budget applies to it.
  const isOnlyDrained = counts.has("draining") && counts.size === 1;
  const isEndangered = loss > thresholds.dangerAbove && !isOnlyDrained;
  const since = sinceOf(counts.keys(), health, nowMs);
  const dueAtMs = isEndangered
    ? nowMs
    : Math.min(
        ...[...since].map(([cause, sinceMs]) => sinceMs + Math.max(0, graceOf(cause, health, thresholds))),
      );
  const isDue = dueAtMs <= nowMs;
  const freeAtMs = isEndangered ? health.endangeredFreeAtMs : health.freeAtMs;
  const isFree = !health.leased && freeAtMs < nowMs;
  const knownWaitingMs = health.known?.waitingSinceMs ?? Number.POSITIVE_INFINITY;
  // A slab whose repair was just attempted goes to the back of the queue; otherwise a slab whose repairs always fail
  // would stay at the front.
  const waitingSinceMs = isDue
    ? Math.max(Math.min(knownWaitingMs, dueAtMs), health.attemptedAtMs ?? Number.NEGATIVE_INFINITY)
    : dueAtMs;
  const onGoodHosts =
    health.good.length +
    health.bad.filter(
      ({ cause, hostId }) => (cause === "bad-contract" || cause === "draining") && hostId !== null,
    ).length;
  const margin = onGoodHosts - health.minShards;
  return {
    kind: "keep",
    entry: {
      slabId: health.slabId,
      // Slabs beyond rescue come last, because the others can still be saved.
      urgency: live < health.minShards ? 0 : isOnlyDrained ? DRAIN_URGENCY : loss,
      loss,
      margin: Math.max(-MOST_MARGIN, Math.min(MOST_MARGIN, margin)),
      causes: Object.fromEntries(counts),
      sinceMs: Object.fromEntries(since),
      waitingSinceMs,
      ready: isDue && isFree,
      // Of a ready entry `lookAtMs` is not used. It is set to a value that stays the same when the slab is judged
      // again, so that the entry does not change.
      lookAtMs: isDue && isFree ? waitingSinceMs : Math.max(dueAtMs, freeAtMs, nowMs + LEAST_WAIT_MS),
    },
  };
}

/** The judgements of these slabs as changes to the backlog. */
export function judgeSlabs(
  slabs: readonly SlabHealth[],
  context: JudgeContext,
): Pick<BacklogChanges, "entries" | "removed" | "versions"> {
  const judgements = slabs.map((slab) => judgeSlab(slab, context));
  return {
    entries: judgements.flatMap((judged): BacklogEntry[] => (judged.kind === "keep" ? [judged.entry] : [])),
    removed: judgements.flatMap((judged) => (judged.kind === "remove" ? [judged.slabId] : [])),
    versions: Object.fromEntries(slabs.map(({ slabId, known }) => [String(slabId), known?.version ?? null])),
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
    if (hostId !== null) add(hostId, failureOf(cause));
  }
  return [...holders].map(([hostId, holder]) => ({ ...holder, group: groups.get(hostId) ?? null }));
}

function failureOf(cause: string): number {
  if (cause === "draining") return HOLDER_FAILURE.good;
  return cause === "bad-contract" ? HOLDER_FAILURE["bad-contract"] : HOLDER_FAILURE["bad-host"];
}

/**
 * If all denials of the slab are by suspected hosts, they get the grace period of `bad-host`, because these hosts may
 * recover.
 */
function graceOf(cause: Cause, { bad }: SlabHealth, { graceMs }: Thresholds): number {
  const isForgiven =
    cause === "denied" && bad.every((sector) => sector.cause !== cause || sector.isSuspected);
  return graceMs[isForgiven ? "bad-host" : cause];
}

/** Since when each cause has been known. */
function sinceOf(causes: Iterable<Cause>, health: SlabHealth, nowMs: number): Map<Cause, number> {
  return new Map(
    Array.from(causes, (cause): [Cause, number] => [cause, health.known?.since[cause] ?? nowMs]),
  );
}
