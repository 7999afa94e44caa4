/**
 * claim keeps the number of live leases at maxInFlight while there is a backlog.
 *
 *   round: read the circuit breaker and the fleet's mode -> send unsent leases -> walk, to update the backlog
 *          -> lease and send, batch by batch, until there is no room or no slab is left that may be leased
 *
 * With a backlog it does a round every few seconds until its deadline, because one batch a minute would limit the
 * fleet. With an empty backlog it returns immediately. While the circuit breaker is open it leases one probe, or a few
 * slabs, and returns. If the fleet is not running, for example paused, it leases and sends nothing.
 *
 * Each batch is one transaction; no connection is held between batches. A crash at any point leaves leases that are
 * unsent (sent by the next run), sent twice (harmless), or without a message (reaped when their hold is over).
 */

import { sleep } from "../../clock/sleep.ts";
import { type BudgetLimit, type BudgetState, checkBudget } from "../../database/fleet/budget.ts";
import { type ClaimAllowance, claimAllowance } from "../../database/fleet/circuit-breaker.ts";
import { readFleetMode } from "../../database/fleet/fleet-mode.ts";
import { noteRun } from "../../database/fleet/last-runs.ts";
import { refreshBreaker, takeProbe } from "../../database/fleet/refresh-breaker.ts";
import { type WalkReport, walkBacklog } from "../backlog/walk.ts";
import { resendUnsent } from "../send-leases/send-leases.ts";
import type { ClaimDependencies } from "./claim-dependencies.ts";
import { type ClaimCount, ClaimIncompleteError, type ClaimReport } from "./claim-report.ts";
import type { ClaimSettings } from "./claim-settings.ts";
import { fillInFlight } from "./fill-in-flight.ts";

const NOTHING_YET: Readonly<ClaimCount> = {
  leased: 0,
  resent: 0,
  sent: 0,
  refused: 0,
  live: 0,
  batches: 0,
  rounds: 0,
  unjudged: 0,
};

/** How many unsent leases a round sends at most. */
const RESEND_LIMIT = 200;

/**
 * @param remainingMs how long it may work; a step that has begun is finished
 * @throws {ClaimIncompleteError} if only the walk failed; otherwise {QueueError}, {StoreError} `no-answer` or a
 * database error: slabs already leased stay leased, and the next run sends them
 */
export async function claim(
  given: ClaimDependencies,
  settings: ClaimSettings,
  remainingMs: number,
): Promise<ClaimReport> {
  const deps: ClaimDependencies = { paces: new Map(), ...given };
  const { ask, clock } = deps;
  const endsAtMs = clock.now() + remainingMs;
  const count: ClaimCount = { ...NOTHING_YET };
  let stoppedBy: readonly BudgetLimit[] = [];
  let walkFailure: { readonly cause: unknown } | undefined;
  for (;;) {
    deps.signal?.throwIfAborted();
    count.rounds += 1;
    const { breaker, nowMs } = await ask((sql) => refreshBreaker(sql, settings.fleet));
    const allowance = claimAllowance(breaker, nowMs);
    const end = (stopped: ClaimReport["stopped"]): ClaimReport => {
      const report = { ...count, breaker: breaker.kind, stopped, budgetStops: stoppedBy };
      if (walkFailure !== undefined) throw new ClaimIncompleteError(report, walkFailure.cause);
      return report;
    };
    // Every run stores the state of the budget and the time of this run, even if it may lease nothing: status shows
    // both.
    const checkLimits = async (): Promise<BudgetState> => {
      const budget = await ask((sql) => checkBudget(sql, settings.budget));
      stoppedBy = budget.stoppedBy;
      await ask((sql) => noteRun(sql, "claim"));
      return budget;
    };
    const mode = await ask(readFleetMode);
    if (mode.kind !== "running") {
      await checkLimits();
      return end(mode.kind);
    }
    const resent = await resendUnsent(
      deps,
      { afterMs: settings.resendAfterMs, limit: RESEND_LIMIT },
      endsAtMs,
    );
    count.resent += resent.sent;
    count.refused += resent.refused;
    let walked: WalkReport["stopped"] = "rested";
    // A failed walk does not stop leasing from the backlog; it is not tried again in this run.
    if (walkFailure === undefined) {
      walked = await walk(deps, settings, endsAtMs, count).catch((cause: unknown) => {
        deps.signal?.throwIfAborted();
        walkFailure = { cause };
        return "rested";
      });
    }
    const budget = await checkLimits();
    if (allowance.kind === "probe" && !(await ask((sql) => takeProbe(sql, settings.probeEveryMs))))
      return end("breaker-open");
    // While the circuit breaker is open, no batch is for aging: the most urgent slabs are tried first.
    const agingShare = allowance.kind === "all" ? settings.agingShare : 0;
    const fill = { mostLeases: mostLeases(allowance), agingShare, endsAtMs };
    const filled = await fillInFlight(deps, settings, fill, budget, count);
    if (allowance.kind !== "all") return end("breaker-open");
    if (filled === "no-backlog" && walked === "rested") return end("no-backlog");
    // If no slab is left to lease and the walk has not finished, continue the walk immediately: workers may be idle.
    if (filled === "no-backlog" && walked === "time" && clock.now() < endsAtMs) continue;
    if (clock.now() + settings.topUpMs >= endsAtMs) return end("deadline");
    await sleep(clock, settings.topUpMs, deps.signal);
  }
}

function mostLeases(allowance: ClaimAllowance): number {
  if (allowance.kind === "all") return Number.POSITIVE_INFINITY;
  return allowance.kind === "few" ? allowance.leases : 1;
}

/** At least one step is tried, even if no time is left. */
async function walk(
  deps: ClaimDependencies,
  settings: ClaimSettings,
  endsAtMs: number,
  count: ClaimCount,
): Promise<WalkReport["stopped"]> {
  const budgetMs = Math.min(settings.walkBudgetMs, endsAtMs - deps.clock.now());
  const report = await walkBacklog(deps, settings.walk, budgetMs);
  count.unjudged += report.unjudged;
  return report.stopped;
}
