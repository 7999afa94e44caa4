import type { MetricValues } from "../../telemetry/metric-names.ts";
import type { RepairResult } from "./repair-dependencies.ts";

/** Metrics of one repair, in addition to the count by outcome. A stale repair has none: it did nothing. */
export function repairMetrics(result: RepairResult): MetricValues {
  if (result.kind === "stale") return {};
  const { meter } = result;
  return {
    SectorsCopied: result.copied,
    SectorsRebuilt: result.rebuilt,
    SectorsDenied: result.denied,
    SectorsLost: result.lost,
    MovesDropped: result.dropped,
    BytesRead: meter.bytesRead,
    BytesWritten: meter.bytesWritten,
    // A double keeps 15 digits: enough for a graph. The journal has all digits.
    Hastings: Number(meter.hastings),
    BeginMs: meter.phasesMs["begin"],
    PlanMs: meter.phasesMs["plan"],
    CopyMs: meter.phasesMs["copy"],
    RebuildMs: meter.phasesMs["rebuild"],
    StoreMs: meter.phasesMs["store"],
    CommitMs: meter.phasesMs["commit"],
  };
}
