/** The child's side of kill tests: settings for which production has no environment variable. */
import { type ClaimSettings, DEFAULT_CLAIM_SETTINGS } from "../../lib/jobs/claim/claim-settings.ts";
import type { WorkerSettings } from "../../lib/worker/worker-settings.ts";
import { WORLD_SETTINGS } from "./repair-world.ts";

/** JSON of {@link ClaimTestSettings}. */
export const SETTINGS_VARIABLE = "SLABMEND_TEST_SETTINGS";

export interface ClaimTestSettings {
  readonly pageSectors?: number;
  readonly walkEveryMs?: number;
}

/** A pass of the walk may begin every second, unless the test sets another interval. */
export function claimSettingsFromEnvironment(environment: NodeJS.ProcessEnv = process.env): ClaimSettings {
  const chosen = JSON.parse(environment[SETTINGS_VARIABLE] ?? "{}") as ClaimTestSettings;
  const { pageSectors = DEFAULT_CLAIM_SETTINGS.walk.pageSectors, walkEveryMs = 1_000 } = chosen;
  return {
    ...DEFAULT_CLAIM_SETTINGS,
    walk: { ...DEFAULT_CLAIM_SETTINGS.walk, pageSectors, everyMs: walkEveryMs },
  };
}

/** A short lease, so that a killed worker's lease ends soon. */
export const KILL_SETTINGS: WorkerSettings = { ...WORLD_SETTINGS, leaseMs: 3_000, heartbeatMs: 1_000 };
