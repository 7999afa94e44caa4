import { systemClock } from "../lib/clock/clock.ts";
import { readFleetGauges } from "../lib/database/reports/read-fleet-gauges.ts";
import type { ArchiveStep } from "../lib/jobs/journal/follow-archive.ts";
import { type ReapStep, reap } from "../lib/jobs/reap/reap.ts";
import { REAP_MEASURES } from "../lib/jobs/reap/reap-metrics.ts";
import { DEFAULT_REAP_SETTINGS } from "../lib/jobs/reap/reap-settings.ts";
import { stepOnce } from "../lib/lifecycle/step-once.ts";
import { createDeadLetterQueue } from "../lib/queue/dead-letter-queue.ts";
import { createRepairQueue } from "../lib/queue/repair-queue.ts";
import { fleetMetrics } from "../lib/telemetry/fleet-metrics.ts";
import { coordinateWithoutHosts } from "../lib/worker/coordinate-without-hosts.ts";
import { openArchive } from "../lib/worker/open-archive.ts";
import { createScheduledHandler, type ScheduledRun } from "./scheduled.ts";

/**
 * The most time that a run of reap spends on a maintenance run: enough for one check of a drain's progress. The next
 * run of reap, a minute later, makes the next check.
 */
const COORDINATE_MS = 10_000;

/** Cleans up after crashes and lost messages. `step` is for kill tests. */
export function createReapHandler(
  options: { readonly step?: (name: ReapStep | ArchiveStep) => void | Promise<void> } = {},
) {
  return createScheduledHandler(
    "reap",
    async ({ environment, logger, ask, sqs, remainingMs }) => {
      const archive = await openArchive({
        destination: environment.SLABMEND_ARCHIVE,
        variables: process.env,
        clock: systemClock,
        logger,
        ...options,
      });
      // The journal is archived in parallel with reap, so that neither delays the other.
      const archiving = archive?.follow(ask, remainingMs);
      // This function has no seed, so it continues only maintenance runs that read no hosts. Runs that read hosts are
      // continued by `serve`, by `work`, or by the command that is attached to the run.
      const coordinating = coordinateWithoutHosts(
        ask,
        {
          clock: systemClock,
          logger,
          signal: new AbortController().signal,
          acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION,
        },
        Math.min(COORDINATE_MS, remainingMs),
      ).catch((error) => logger.warn({ error }, "a step of the maintenance run failed; it is tried again"));
      const stepping = step({ environment, logger, ask });
      try {
        return await reap(
          {
            ask,
            clock: systemClock,
            queue: createRepairQueue({
              client: sqs,
              queueUrl: environment.SLABMEND_QUEUE_URL,
              indexer: environment.SLABMEND_INDEXER,
            }),
            deadLetters: createDeadLetterQueue({
              client: sqs,
              queueUrl: environment.SLABMEND_DEAD_LETTER_QUEUE_URL,
            }),
            indexer: environment.SLABMEND_INDEXER,
            ...options,
          },
          { ...DEFAULT_REAP_SETTINGS, acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION },
          remainingMs,
        );
      } finally {
        await Promise.all([archiving, coordinating, stepping]);
        archive?.close();
      }
    },
    REAP_MEASURES,
    async (ask, { SLABMEND_VERIFY }) =>
      fleetMetrics(await ask((sql) => readFleetGauges(sql, { dueChecks: SLABMEND_VERIFY === "due" }))),
    step,
  );
}

/**
 * One step of the indexer's control loop. In this function the loop creates and removes nothing, and only checks
 * conditions: commands create the schema and the role, and the deployment creates the queues.
 */
async function step({ environment, logger, ask }: Pick<ScheduledRun, "environment" | "logger" | "ask">) {
  await stepOnce(ask, {
    indexer: environment.SLABMEND_INDEXER,
    acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION,
    clock: systemClock,
    logger,
  });
}

export const handler = createReapHandler();
