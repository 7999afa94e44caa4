import type { FleetStanding } from "../database/schema/assert-fleet-may-work.ts";
import type { Logger } from "./logger.ts";
import type { MetricValues } from "./metric-names.ts";

/** Metrics of a run of claim or reap that was not refused. The zeros end the alarms. */
export function standingMetrics({ verdict, missingRights }: FleetStanding): MetricValues {
  return { IndexdUnconfirmed: Number(verdict.kind !== "known"), MissingRights: missingRights.length };
}

/** Warnings: the run works, but needs an operator's attention. */
export function warnOfStanding(logger: Logger, { verdict, missingRights }: FleetStanding): void {
  if (verdict.kind !== "known") {
    logger.warn(
      { verdict: verdict.kind, version: verdict.version },
      "indexd's database has a version that this release of slabmend does not know; slabmend doctor says more",
    );
  }
  if (missingRights.length > 0) {
    logger.warn(
      { missingRights },
      "indexd was upgraded: apply what slabmend grant prints; until then recovery windows stay open",
    );
  }
}
