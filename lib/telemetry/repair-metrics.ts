import type { OutcomeKind } from "../database/leases/outcome-writes.ts";
import type { MetricValues } from "./metric-names.ts";

/** What of a repair's result is measured. */
type RepairCounts =
  | { readonly kind: "stale" }
  | {
      readonly kind: Exclude<OutcomeKind, "stale">;
      readonly copied: number;
      readonly rebuilt: number;
      readonly dropped: number;
      readonly lost: number;
      readonly meter: {
        readonly bytesRead: number;
        readonly bytesWritten: number;
        readonly hastings: bigint;
        readonly phasesMs: Readonly<Record<string, number>>;
      };
    };

/** Of one repair, besides the count by outcome. A stale one did nothing. */
export function repairMetrics(result: RepairCounts): MetricValues {
  if (result.kind === "stale") return {};
  const { meter } = result;
  return {
    SectorsCopied: result.copied,
    SectorsRebuilt: result.rebuilt,
    SectorsLost: result.lost,
    MovesDropped: result.dropped,
    BytesRead: meter.bytesRead,
    BytesWritten: meter.bytesWritten,
    // A double keeps 15 digits: enough for a graph. The journal has them all.
    Hastings: Number(meter.hastings),
    BeginMs: meter.phasesMs["begin"],
    PlanMs: meter.phasesMs["plan"],
    CopyMs: meter.phasesMs["copy"],
    RebuildMs: meter.phasesMs["rebuild"],
    StoreMs: meter.phasesMs["store"],
    CommitMs: meter.phasesMs["commit"],
  };
}
