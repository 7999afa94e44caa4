/**
 * The functions' times that the demo shortens. describeSettings in fleet-settings.ts lists them with those of
 * production.
 */
import { type ClaimSettings, DEFAULT_CLAIM_SETTINGS } from "../../../lib/jobs/claim/claim-settings.ts";
import { DEFAULT_WORKER_SETTINGS, type WorkerSettings } from "../../../lib/worker/worker-settings.ts";

export const CLAIM_SETTINGS: ClaimSettings = {
  ...DEFAULT_CLAIM_SETTINGS,
  topUpMs: 1_000,
  holdMs: 600_000,
  walk: { ...DEFAULT_CLAIM_SETTINGS.walk, everyMs: 1_000 },
};

export const WORKER_SETTINGS: WorkerSettings = {
  ...DEFAULT_WORKER_SETTINGS,
  // A lease lasts for three heartbeats, because a loaded machine may delay a heartbeat by a second or two.
  leaseMs: 6_000,
  heartbeatMs: 2_000,
  networkMaxAgeMs: 2_000,
};
