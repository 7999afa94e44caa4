/**
 * The metrics of metric-names.ts by Prometheus's conventions: base units, `_total` for counters, no labels whose number
 * of values grows with slabs or hosts.
 */
import type { MetricName } from "./metric-names.ts";

export interface PrometheusMetric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** Factor that converts a value to the base unit. Default: 1. */
  readonly scale?: number;
  /** Labels that the caller sets. */
  readonly labels?: readonly ("function" | "outcome")[];
  /** Labels with a fixed value, which distinguish those metrics of ours that have the same name in Prometheus. */
  readonly fixed?: Readonly<Record<string, string>>;
}

/** Null: not exported, because it is the sum of other metrics. */
export const PROMETHEUS_METRICS: Readonly<Record<MetricName, PrometheusMetric | null>> = {
  RunsCompleted: { name: "slabmend_runs_completed_total", type: "counter", labels: ["function"] },
  RunsFailed: { name: "slabmend_runs_failed_total", type: "counter", labels: ["function"] },
  UnknownIndexdVersion: {
    name: "slabmend_unknown_indexd_version_total",
    type: "counter",
    labels: ["function"],
  },
  IndexdUnconfirmed: { name: "slabmend_indexd_unconfirmed", type: "gauge" },
  MissingRights: { name: "slabmend_missing_rights", type: "gauge" },
  SlabsLeased: { name: "slabmend_slabs_leased_total", type: "counter" },
  MessagesSent: { name: "slabmend_messages_sent_total", type: "counter" },
  MessagesRefused: { name: "slabmend_messages_refused_total", type: "counter" },
  BacklogLeft: { name: "slabmend_backlog_left", type: "gauge" },
  SlabsUnjudged: { name: "slabmend_slabs_unjudged_total", type: "counter" },
  BudgetStops: { name: "slabmend_budget_stops", type: "gauge" },
  Paused: { name: "slabmend_paused", type: "gauge" },
  Repairs: { name: "slabmend_repairs_total", type: "counter", labels: ["outcome"] },
  MessagesFailed: { name: "slabmend_messages_failed_total", type: "counter" },
  SectorsCopied: { name: "slabmend_sectors_copied_total", type: "counter" },
  SectorsRebuilt: { name: "slabmend_sectors_rebuilt_total", type: "counter" },
  SectorsDenied: { name: "slabmend_sectors_denied_total", type: "counter" },
  SectorsLost: { name: "slabmend_sectors_lost_total", type: "counter" },
  MovesDropped: { name: "slabmend_moves_dropped_total", type: "counter" },
  WorkersUnfit: { name: "slabmend_workers_unfit_total", type: "counter" },
  HostScoresFailed: { name: "slabmend_host_scores_failed_total", type: "counter" },
  BytesRead: { name: "slabmend_read_bytes_total", type: "counter" },
  BytesWritten: { name: "slabmend_written_bytes_total", type: "counter" },
  Hastings: { name: "slabmend_spent_siacoins_total", type: "counter", scale: 1e-24 },
  BeginMs: {
    name: "slabmend_repair_phase_seconds",
    type: "histogram",
    scale: 1e-3,
    fixed: { phase: "begin" },
  },
  PlanMs: { name: "slabmend_repair_phase_seconds", type: "histogram", scale: 1e-3, fixed: { phase: "plan" } },
  CopyMs: { name: "slabmend_repair_phase_seconds", type: "histogram", scale: 1e-3, fixed: { phase: "copy" } },
  RebuildMs: {
    name: "slabmend_repair_phase_seconds",
    type: "histogram",
    scale: 1e-3,
    fixed: { phase: "rebuild" },
  },
  StoreMs: {
    name: "slabmend_repair_phase_seconds",
    type: "histogram",
    scale: 1e-3,
    fixed: { phase: "store" },
  },
  CommitMs: {
    name: "slabmend_repair_phase_seconds",
    type: "histogram",
    scale: 1e-3,
    fixed: { phase: "commit" },
  },
  CheckMessagesSent: { name: "slabmend_check_messages_sent_total", type: "counter" },
  ChecksConfirmed: { name: "slabmend_checks_total", type: "counter", fixed: { result: "confirmed" } },
  ChecksDenied: { name: "slabmend_checks_total", type: "counter", fixed: { result: "denied" } },
  ChecksSuperseded: { name: "slabmend_checks_total", type: "counter", fixed: { result: "superseded" } },
  ChecksWrongData: { name: "slabmend_checks_total", type: "counter", fixed: { result: "wrong-data" } },
  ChecksUnanswered: { name: "slabmend_checks_total", type: "counter", fixed: { result: "unanswered" } },
  ChecksFailed: { name: "slabmend_checks_failed_total", type: "counter" },
  CheckHastings: { name: "slabmend_checks_spent_siacoins_total", type: "counter", scale: 1e-24 },
  LeasesFreed: { name: "slabmend_leases_freed_total", type: "counter" },
  LeasesCrashed: { name: "slabmend_leases_crashed_total", type: "counter" },
  LeasesTaken: { name: "slabmend_leases_taken_total", type: "counter" },
  SlabsQuarantined: { name: "slabmend_slabs_quarantined_total", type: "counter" },
  DeadLetters: { name: "slabmend_dead_letters_total", type: "counter" },
  CircuitBreakerOpen: { name: "slabmend_circuit_breaker_open", type: "gauge" },
  LiveLeases: { name: "slabmend_live_leases", type: "gauge" },
  RunningLeases: { name: "slabmend_running_leases", type: "gauge" },
  ExpiredLeases: { name: "slabmend_expired_leases", type: "gauge" },
  OldestLeaseSeconds: { name: "slabmend_oldest_lease_seconds", type: "gauge" },
  RepairsLately: { name: "slabmend_repairs_in_five_minutes", type: "gauge" },
  RepairsInHalfHour: { name: "slabmend_repairs_in_half_hour", type: "gauge" },
  FaultsInHalfHour: { name: "slabmend_faults_in_half_hour", type: "gauge" },
  SlabsFoundAtRisk: { name: "slabmend_slabs_found_at_risk", type: "gauge" },
  QuarantinedSlabs: { name: "slabmend_quarantined_slabs", type: "gauge" },
  DatabaseConnections: { name: "slabmend_database_connections", type: "gauge" },
  Backlog: null,
  BacklogMargin0: { name: "slabmend_backlog_slabs", type: "gauge", fixed: { margin: "0" } },
  BacklogMargin1To2: { name: "slabmend_backlog_slabs", type: "gauge", fixed: { margin: "1-2" } },
  BacklogMargin3To5: { name: "slabmend_backlog_slabs", type: "gauge", fixed: { margin: "3-5" } },
  BacklogMargin6Plus: { name: "slabmend_backlog_slabs", type: "gauge", fixed: { margin: "6+" } },
  JournalRowsSequenced: { name: "slabmend_journal_rows_sequenced_total", type: "counter" },
  JournalBehindSeconds: { name: "slabmend_journal_behind_seconds", type: "gauge" },
  FollowersStopped: { name: "slabmend_followers_stopped", type: "gauge" },
  ChecksBehindSeconds: { name: "slabmend_checks_behind_seconds", type: "gauge" },
  RunIdleSeconds: { name: "slabmend_maintenance_run_idle_seconds", type: "gauge" },
  RunsFailedLately: { name: "slabmend_maintenance_runs_failed_in_hour", type: "gauge" },
  MoveSlotKeptBytes: { name: "slabmend_move_slot_kept_bytes", type: "gauge" },
  MoveSlotSafeBytes: { name: "slabmend_move_slot_safe_bytes", type: "gauge" },
  MoveSlotLost: { name: "slabmend_move_slot_lost", type: "gauge" },
  UnderfundedHosts: { name: "slabmend_underfunded_hosts", type: "gauge" },
};
