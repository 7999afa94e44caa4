import type { OutcomeKind } from "../../database/leases/outcome-writes.ts";

/** What one repair attempted, and with what results; the input of {@link decideOutcome}. */
export interface RepairTally {
  /**
   * Number of sectors that must and can be moved: those of the plan, and those denied since. The plan leaves out shards
   * that were known to be pinned wrongly and cannot be copied.
   */
  readonly moves: number;
  readonly stored: number;
  /** Moves of sectors that stay after all, because the host that had denied them has now served them. */
  readonly confirmed: number;
  /**
   * True: there was no candidate for any shard, so the repair requested only denied sectors. A denied sector stays if
   * its host serves it after all.
   */
  readonly noCandidates: boolean;
  /** Moves whose shard turned out to be pinned wrongly in this repair. */
  readonly pinnedWrongly: number;
  /** The function's deadline stopped work or kept it from starting. */
  readonly deadlineReached: boolean;
  /** A transfer would have exceeded this repair's cost limit. */
  readonly costLimitReached: boolean;
  /** Fewer than `min_shards` sources answered with proven data. */
  readonly tooFewSources: boolean;
  /** The code of a problem on our side, if the hosts' answers show such a problem: host-answers.ts. */
  readonly ourFault: string | undefined;
  /** With enough funds in our accounts there would have been enough sources, or a candidate. */
  readonly underfunded: boolean;
}

/**
 * The outcome of a repair whose plan had something to move. A slab counts as short of sources only if neither time nor
 * money nor a fault of ours explains the shortage. A slab counts as short of sources even if other shards of it were
 * stored, because its data is at risk anyway. If nothing was stored because hosts reject a worker, or the worker cannot
 * reach them, the outcome is `fault`, which the circuit breaker counts. If the slab counted as short of sources
 * instead, a wrong clock or a broken network would cause a false alarm and hours of backoff for every slab.
 */
export function decideOutcome(tally: RepairTally): Exclude<OutcomeKind, "stale"> {
  const movable = tally.moves - tally.pinnedWrongly - tally.confirmed;
  if (movable <= 0 && tally.confirmed > 0 && tally.stored === 0) return "healthy";
  if (tally.stored >= movable) return tally.moves > 0 && tally.stored === 0 ? "partial-refused" : "repaired";
  if (tally.deadlineReached) return tally.stored > 0 ? "partial-deadline" : "interrupted";
  if (tally.costLimitReached) return tally.stored > 0 ? "partial-refused" : "interrupted";
  if (tally.tooFewSources && tally.underfunded) return tally.stored > 0 ? "partial-refused" : "underfunded";
  if (tally.ourFault !== undefined && tally.stored === 0) return "fault";
  if (tally.noCandidates) return "no-candidates";
  if (tally.tooFewSources) return "too-few-sources";
  if (tally.stored > 0) return "partial-refused";
  return tally.underfunded ? "underfunded" : "partial-refused";
}
