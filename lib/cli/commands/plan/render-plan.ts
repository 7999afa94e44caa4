import { bytes, siacoins, table } from "../../command/quantities.ts";
import type { PlanReport } from "./plan-report.ts";

const VERDICTS: Readonly<Record<PlanReport["verdict"], string>> = {
  healthy: "healthy: no sector has to move",
  "no-candidates": "no candidates: sectors must move, but no host may take them",
  "too-few-sources": "too few sources: fewer hosts than min_shards have a readable sector; data is at risk",
  repair: "to be repaired",
};

/** Renders a plan for people. The text never shows the slab's key, because the report does not contain the key. */
export function renderPlan(report: PlanReport): string {
  const { sources, state } = report;
  const where = (host: PlanReport["moves"][number]["to"], missing: string): string =>
    host === undefined
      ? missing
      : `${host.address ?? host.hostKey.slice(0, 16)}${host.blocked ? " (blocked)" : host.usable ? "" : " (unusable)"}`;
  return [
    `slab ${report.slabId}, digest ${report.digest}`,
    `${report.minShards} of ${report.totalShards}, margin ${report.margin}: ${VERDICTS[report.verdict]}`,
    ...(state === undefined
      ? []
      : [
          `next attempt ${state.nextAttempt.toISOString()} (${state.nextAttemptIsOurs ? "written by slabmend" : "written by indexd"})${state.lease === "none" ? "" : `, lease ${state.lease}`}${state.quarantinedUntil === undefined ? "" : `, in quarantine until ${state.quarantinedUntil.toISOString()}`}${state.lastOutcome === undefined ? "" : `, last outcome ${state.lastOutcome}`}`,
        ]),
    ...(report.moves.length === 0
      ? []
      : [
          "",
          ...table([
            ["shard", "reason", "how", "from", "to, for example"],
            ...report.moves.map((move) => [
              move.index,
              move.reason,
              move.how,
              where(move.from, "-"),
              where(move.to, "no host left"),
            ]),
          ]),
          "",
          `${report.candidates} candidates; sources: ${sources.good} good, ${sources.lastResort} of last resort`,
          `${bytes(report.bytesRead)} to read, ${bytes(report.bytesWritten)} to write, about ${siacoins(report.hastings)}`,
        ]),
  ].join("\n");
}
