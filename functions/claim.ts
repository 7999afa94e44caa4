import { systemClock } from "../lib/clock/clock.ts";
import { findNetworkProblems, readNetworkState } from "../lib/database/indexd/network-state.ts";
import { claim } from "../lib/jobs/claim/claim.ts";
import type { ClaimStep } from "../lib/jobs/claim/claim-dependencies.ts";
import { CLAIM_MEASURES } from "../lib/jobs/claim/claim-metrics.ts";
import type { ClaimSettings } from "../lib/jobs/claim/claim-settings.ts";
import { claimSettingsFrom } from "../lib/jobs/claim/claim-settings-from-environment.ts";
import { createRepairQueue } from "../lib/queue/repair-queue.ts";
import { createScheduledHandler } from "./scheduled.ts";

/** Leases unhealthy slabs and sends a message for each. `settings` are the demo's and tests', `step` is for kill tests. */
export function createClaimHandler({
  settings,
  ...options
}: {
  readonly settings?: ClaimSettings;
  readonly step?: (name: ClaimStep) => void | Promise<void>;
} = {}) {
  // Once an execution environment: it reads the whole network.
  let isNetworkSeen = false;
  return createScheduledHandler(
    "claim",
    async ({ environment, logger, ask, sqs, remainingMs }) => {
      if (!isNetworkSeen) {
        const state = await ask(readNetworkState, { isIdempotent: true });
        for (const { code, says, remedy } of findNetworkProblems(state)) logger.warn({ code, remedy }, says);
        isNetworkSeen = true;
      }
      return await claim(
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
    },
    CLAIM_MEASURES,
  );
}

export const handler = createClaimHandler();
