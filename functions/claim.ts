import { systemClock } from "../lib/clock/clock.ts";
import { ConfigurationError } from "../lib/config/configuration-error.ts";
import type { Environment } from "../lib/config/parse-environment.ts";
import { findNetworkProblems, readNetworkState } from "../lib/database/indexd/network-state.ts";
import { claim } from "../lib/jobs/claim/claim.ts";
import type { ClaimStep } from "../lib/jobs/claim/claim-dependencies.ts";
import { CLAIM_MEASURES } from "../lib/jobs/claim/claim-metrics.ts";
import type { ClaimSettings } from "../lib/jobs/claim/claim-settings.ts";
import { claimSettingsFrom } from "../lib/jobs/claim/claim-settings-from-environment.ts";
import type { DueStep } from "../lib/jobs/verify/due-checks.ts";
import { sendDueChecks } from "../lib/jobs/verify/send-due-checks.ts";
import { createCheckQueue } from "../lib/queue/check-queue.ts";
import { createRepairQueue } from "../lib/queue/repair-queue.ts";
import { createScheduledHandler, type ScheduledRun } from "./scheduled.ts";

/**
 * Leases unhealthy slabs, claims due checks, and sends a message for each slab and for each batch of checks. `settings`
 * are for the demo and tests, `step` is for kill tests.
 */
export function createClaimHandler({
  settings,
  ...options
}: {
  readonly settings?: ClaimSettings;
  readonly step?: (name: ClaimStep | DueStep) => void | Promise<void>;
} = {}) {
  // The network is checked once per execution environment, because the check reads all hosts and contracts.
  let isNetworkSeen = false;
  return createScheduledHandler(
    "claim",
    async (scheduled) => {
      const { environment, logger, ask, sqs, remainingMs } = scheduled;
      const checksUrl = checkQueueUrl(environment);
      if (!isNetworkSeen) {
        const state = await ask(readNetworkState, { isIdempotent: true });
        for (const { code, says, remedy } of findNetworkProblems(state)) logger.warn({ code, remedy }, says);
        isNetworkSeen = true;
      }
      // Due checks are sent in parallel with claim, so that neither delays the other.
      const sending = checksUrl === undefined ? undefined : sendChecks(scheduled, checksUrl, options.step);
      const claiming = claim(
        {
          ask,
          clock: systemClock,
          queue: createRepairQueue({
            client: sqs,
            queueUrl: environment.SLABMEND_QUEUE_URL,
            indexer: environment.SLABMEND_INDEXER,
          }),
          ...options,
        },
        claimSettingsFrom(environment, settings),
        remainingMs,
      );
      return await claiming.finally(() => sending);
    },
    CLAIM_MEASURES,
  );
}

/** Undefined: due checks are left to indexd. */
function checkQueueUrl({ SLABMEND_VERIFY: verify, SLABMEND_CHECK_QUEUE_URL: url }: Environment) {
  if (verify === "none") return undefined;
  if (url !== undefined) return url;
  const expected = "the URL of an SQS queue, with SLABMEND_VERIFY=due";
  throw new ConfigurationError([{ name: "SLABMEND_CHECK_QUEUE_URL", expected, got: "none" }]);
}

/** Sends the due checks. A failure is logged and does not stop the leasing of slabs. */
async function sendChecks(
  { environment, logger, metrics, ask, sqs, remainingMs }: ScheduledRun,
  queueUrl: string,
  step: ((name: DueStep) => void | Promise<void>) | undefined,
): Promise<void> {
  const queue = createCheckQueue({ client: sqs, queueUrl, indexer: environment.SLABMEND_INDEXER });
  const verify = { acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION, clock: systemClock };
  const deps = { ask, clock: systemClock, verify, queue, ...(step === undefined ? {} : { step }) };
  try {
    const sent = await sendDueChecks(deps, remainingMs);
    if (sent.messages > 0) logger.info({ report: sent }, "due checks were sent");
    metrics.print({ CheckMessagesSent: sent.messages, ChecksFailed: 0 });
  } catch (error) {
    logger.error(
      { error },
      "due checks were not sent; those that were claimed are due again in half an hour",
    );
    metrics.print({ ChecksFailed: 1 });
  }
}

export const handler = createClaimHandler();
