/**
 * reap: cleans up after crashes and lost messages. Each run has these tasks, which do not depend on each other:
 *
 *   leases         expired leases end, and their slabs become claimable; crashes are counted, and slabs with too many
 *                  crashes are quarantined
 *   breaker        the circuit breaker is updated, before the leases (while it is open, no slab is quarantined) and
 *                  after them
 *   events         the outbox `moved` is flushed
 *   unsent         the message of a lease is sent again if its sending was not confirmed
 *   dead letters   are stored in a table
 *   history        of healthy or deleted slabs is removed, with denials of deleted sectors and uploads that hosts no
 *                  longer keep; finished maintenance runs and sums of due checks are removed once they are as old as
 *                  the oldest rows of the journal
 *   prunes         after a restore, indexd is kept from pruning until an operator allows it
 *   journal        rows get their position in the stream, are added to the sums, and are deleted when old
 *                  (docs/journal.md)
 *
 * A failed task does not stop the others; all failures are reported together at the end. After a crash at any point the
 * next run does what this run has not done.
 */
import type { Clock } from "../../clock/clock.ts";
import { forgetFineSlabs } from "../../database/backlog/forget-fine-slabs.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { forgetDenials } from "../../database/denials/forget-denials.ts";
import type { CircuitBreaker } from "../../database/fleet/circuit-breaker.ts";
import { noteRun } from "../../database/fleet/last-runs.ts";
import { refreshBreaker } from "../../database/fleet/refresh-breaker.ts";
import { flushOutbox, OutboxStuckError } from "../../database/indexd/bump-events.ts";
import { forgetUploads } from "../../database/leases/uploads.ts";
import { keepPrunesHeld } from "../../database/restore/restore-writes.ts";
import { forgetRuns } from "../../database/runs/forget-runs.ts";
import type { DeadLetterQueue } from "../../queue/dead-letter-queue.ts";
import type { RepairQueue } from "../../queue/repair-queue.ts";
import { followJournal, type JournalReport, type JournalStep } from "../journal/follow-journal.ts";
import { resendUnsent, type SendStep } from "../send-leases/send-leases.ts";
import { type DrainStep, drainDeadLetters } from "./drain-dead-letters.ts";
import { reapExpiredLeases } from "./reap-expired-leases.ts";
import { ReapIncompleteError, type ReapPhase, type ReapReport } from "./reap-report.ts";
import type { ReapSettings } from "./reap-settings.ts";

/** Points at which kill tests end the process. */
export type ReapStep =
  | "reaped"
  | "fleet-checked"
  | "events-bumped"
  | SendStep
  | DrainStep
  | "history-forgotten"
  | JournalStep;

export interface ReapDependencies {
  readonly ask: Ask;
  readonly queue: RepairQueue;
  readonly deadLetters: DeadLetterQueue;
  /** The indexer's name. */
  readonly indexer: string;
  readonly clock: Clock;
  readonly step?: (name: ReapStep) => void | Promise<void>;
}

const RESEND_LIMIT = 100;
const FLUSH_LIMIT = 100;
/** Rows of each table checked per run: with a run every minute, checking a million histories takes a few hours. */
const FORGET_LIMIT = 5_000;

/**
 * @param remainingMs how long this run may work; a batch that has begun is finished
 * @throws {ReapIncompleteError} with the report of what was done and every failure
 */
export async function reap(
  deps: ReapDependencies,
  settings: ReapSettings,
  remainingMs: number,
): Promise<ReapReport> {
  const { ask, clock } = deps;
  const endsAtMs = clock.now() + remainingMs;
  const timeIsUp = (): boolean => clock.now() >= endsAtMs;
  const report = {
    freed: 0,
    crashed: 0,
    quarantined: 0,
    taken: 0,
    eventsBumped: 0,
    resent: 0,
    deadLetters: 0,
    forgotten: 0,
    journal: undefined as JournalReport | undefined,
    breaker: undefined as CircuitBreaker["kind"] | undefined,
  };
  const failures = new Map<ReapPhase, unknown>();
  const phase = async (name: ReapPhase, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      failures.set(name, error);
    }
  };
  const checkFleet = async (): Promise<void> => {
    report.breaker = (await ask((sql) => refreshBreaker(sql, settings.fleet))).breaker.kind;
    await deps.step?.("fleet-checked");
  };

  await phase("fleet", checkFleet);
  await phase("leases", async () => {
    // If the breaker's state could not be read, the breaker counts as open, so this run quarantines no slab: a
    // quarantine can wait for the next run.
    const breakerIsOpen = report.breaker !== "closed";
    Object.assign(report, await reapExpiredLeases(deps, settings, { breakerIsOpen, timeIsUp }));
    if (report.crashed > 0) await checkFleet();
    await ask((sql) => noteRun(sql, "reap"));
  });
  await phase("events", () => bumpLeftEvents(deps, settings, endsAtMs, report));
  await phase("unsent", async () => {
    for (let found = RESEND_LIMIT; found === RESEND_LIMIT && !timeIsUp(); ) {
      const resent = await resendUnsent(
        deps,
        { afterMs: settings.resendAfterMs, limit: RESEND_LIMIT },
        endsAtMs,
      );
      report.resent += resent.sent;
      found = resent.found;
    }
  });
  await phase("dead-letters", async () => {
    report.deadLetters = await drainDeadLetters(deps, timeIsUp);
  });
  await phase("history", async () => {
    await ask((sql) => forgetUploads(sql, FORGET_LIMIT));
    report.forgotten = await ask((sql) =>
      forgetFineSlabs(sql, { olderThanMs: settings.forgetAfterMs, limit: FORGET_LIMIT }),
    );
    report.forgotten += await ask((sql) => forgetDenials(sql, { limit: FORGET_LIMIT }));
    report.forgotten += await ask((sql) => forgetRuns(sql, settings.keepJournalMs));
    if (report.forgotten > 0) await deps.step?.("history-forgotten");
  });
  await phase(
    "prunes",
    async () =>
      void (await ask((sql) => keepPrunesHeld(sql, { acceptedVersion: settings.acceptedVersion, clock }), {
        isIdempotent: true,
      })),
  );
  await phase("journal", async () => {
    report.journal = await followJournal(deps, settings, timeIsUp);
  });
  if (failures.size > 0) throw new ReapIncompleteError(report, failures);
  return report;
}

/**
 * Flushes the outbox, in at most half of the remaining time: otherwise stuck slabs could leave the later tasks no time
 * in any run.
 */
async function bumpLeftEvents(
  { ask, clock, step }: ReapDependencies,
  { acceptedVersion }: ReapSettings,
  endsAtMs: number,
  report: { eventsBumped: number },
): Promise<void> {
  const halfTimeMs = (clock.now() + endsAtMs) / 2;
  const timeIsUp = (): boolean => clock.now() >= halfTimeMs;
  for (let done = 1; done > 0 && !timeIsUp(); ) {
    try {
      done = await flushOutbox(ask, { limit: FLUSH_LIMIT, timeIsUp, verify: { acceptedVersion, clock } });
    } catch (error) {
      if (error instanceof OutboxStuckError) report.eventsBumped += error.done;
      throw error;
    }
    if (done > 0) await step?.("events-bumped");
    report.eventsBumped += done;
  }
}
