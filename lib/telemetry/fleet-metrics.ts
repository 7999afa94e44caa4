import type { SlotState } from "../database/move/publication.ts";
import type { MetricValues } from "./metric-names.ts";

/** The state of the fleet at a point in time. */
export interface FleetGauges {
  readonly liveLeases: number;
  readonly runningLeases: number;
  readonly expiredLeases: number;
  /** Undefined if there is no lease. */
  readonly oldestLeaseSeconds: number | undefined;
  /** Repairs that ended in the last five minutes, without those that crashed or were superseded. */
  readonly repairsLately: number;
  /** Repairs that ended in the last half hour, without those that crashed or were superseded. */
  readonly repairsInHalfHour: number;
  /** The repairs of the last half hour that ended in `fault`. */
  readonly faultsInHalfHour: number;
  /** Slabs with a repair in the last five minutes that found too few sources. */
  readonly slabsFoundAtRisk: number;
  readonly quarantinedSlabs: number;
  readonly databaseConnections: number;
  /** Unhealthy slabs by margin. */
  readonly backlog: ReadonlyMap<number, number>;
  readonly underfundedHosts: number;
  /**
   * Time since the unfinished maintenance run last made progress. Undefined if there is no such run, if it is paused,
   * or if it is a move of the database during which the fleet still runs.
   */
  readonly runIdleSeconds: number | undefined;
  /** In the last hour. */
  readonly failedRuns: number;
  /** How long the oldest due check has waited; undefined if this fleet makes no due checks. */
  readonly checksBehindSeconds: number | undefined;
  /** The replication slot of a database move; undefined: no move. */
  readonly moveSlot: Pick<SlotState, "walStatus" | "keptBytes" | "safeBytes"> | undefined;
  /** Followers of the journal. */
  readonly followers: readonly {
    readonly behindSeconds: number | undefined;
    readonly stoppedBy: string | undefined;
  }[];
}

export function fleetMetrics(gauges: FleetGauges): MetricValues {
  return {
    LiveLeases: gauges.liveLeases,
    RunningLeases: gauges.runningLeases,
    ExpiredLeases: gauges.expiredLeases,
    OldestLeaseSeconds: gauges.oldestLeaseSeconds ?? 0,
    RepairsLately: gauges.repairsLately,
    RepairsInHalfHour: gauges.repairsInHalfHour,
    FaultsInHalfHour: gauges.faultsInHalfHour,
    SlabsFoundAtRisk: gauges.slabsFoundAtRisk,
    QuarantinedSlabs: gauges.quarantinedSlabs,
    DatabaseConnections: gauges.databaseConnections,
    UnderfundedHosts: gauges.underfundedHosts,
    JournalBehindSeconds: Math.max(0, ...gauges.followers.map(({ behindSeconds = 0 }) => behindSeconds)),
    FollowersStopped: gauges.followers.filter(({ stoppedBy }) => stoppedBy !== undefined).length,
    RunIdleSeconds: gauges.runIdleSeconds ?? 0,
    RunsFailedLately: gauges.failedRuns,
    ChecksBehindSeconds: gauges.checksBehindSeconds,
    ...slotMetrics(gauges.moveSlot),
    ...backlogMetrics(gauges.backlog),
  };
}

/** Metrics of the replication slot, printed only while the database is moved, because each metric costs money. */
function slotMetrics(slot: FleetGauges["moveSlot"]): MetricValues {
  return {
    MoveSlotKeptBytes: slot?.keptBytes,
    MoveSlotSafeBytes: slot?.safeBytes ?? undefined,
    MoveSlotLost: slot === undefined ? undefined : Number(slot.walStatus === "lost"),
  };
}

/** The backlog by bands of margins: one metric for each of twenty margins would cost as much as all other metrics. */
function backlogMetrics(backlog: ReadonlyMap<number, number>): MetricValues {
  const between = (least: number, most: number): number =>
    [...backlog].reduce((sum, [margin, slabs]) => (margin >= least && margin <= most ? sum + slabs : sum), 0);
  return {
    Backlog: between(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY),
    BacklogMargin0: between(Number.NEGATIVE_INFINITY, 0),
    BacklogMargin1To2: between(1, 2),
    BacklogMargin3To5: between(3, 5),
    BacklogMargin6Plus: between(6, Number.POSITIVE_INFINITY),
  };
}
