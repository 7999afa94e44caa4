import { type ClaimSettings, DEFAULT_CLAIM_SETTINGS } from "../../../lib/jobs/claim/claim-settings.ts";
import type { RepairQueue } from "../../../lib/queue/repair-queue.ts";
import type { LeasedSlab } from "../../../lib/slab/leased-slab.ts";
import { walkSettings } from "../backlog/backlog-fixture.ts";

export interface RecordingQueue extends RepairQueue {
  readonly messages: LeasedSlab[];
}

/** A queue that records sent messages in order. */
export function recordingQueue(): RecordingQueue {
  const messages: LeasedSlab[] = [];
  return {
    messages,
    async send(batch) {
      messages.push(...batch);
      return { sent: [...batch], failed: [] };
    },
  };
}

/** Settings without a grace, and without a pause between passes, as for an indexd with disabled migrations. */
export const settings = (rest: Partial<ClaimSettings> = {}): ClaimSettings => ({
  ...DEFAULT_CLAIM_SETTINGS,
  maxInFlight: 10_000,
  indexdGraceMs: 0,
  walk: walkSettings({ everyMs: 0 }),
  ...rest,
});
