import type { FleetStanding } from "../database/schema/assert-fleet-may-work.ts";
import type { Logger } from "./logger.ts";
import type { MetricValues } from "./metric-names.ts";

/** Metrics of a run of claim or reap that was allowed to begin. A metric with the value 0 ends its alarm. */
export function standingMetrics({ verdict, missingRights }: FleetStanding): MetricValues {
  return { IndexdUnconfirmed: Number(verdict.kind !== "known"), MissingRights: missingRights.length };
}

/** Logs as warnings what does not stop the run, but needs an operator. */
export function warnOfStanding(logger: Logger, { verdict, missingRights }: FleetStanding): void {
  if (verdict.kind !== "known") {
    logger.warn(
      { verdict: verdict.kind, version: verdict.version },
      "indexd's database has a version that this release of slabmend does not know; run slabmend doctor for details",
    );
  }
  if (missingRights.length > 0) {
    logger.warn(
      { missingRights },
      "indexd was upgraded: slabmend lacks privileges; apply what slabmend grant prints; until then recovery windows stay open",
    );
  }
}
