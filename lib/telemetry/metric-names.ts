/**
 * Every metric: its unit and what it means. Functions print them, alarms and the dashboard read them; nobody else makes up
 * a name. All have the dimension `service`, the function that says it; `Repairs` has `outcome` besides.
 */
export const METRICS = {
  // Every function.
  RunsCompleted: { unit: "Count", meaning: "runs of claim or reap that did all they had to" },
  RunsFailed: { unit: "Count", meaning: "runs of claim or reap that ended with an error" },
  UnknownIndexdVersion: {
    unit: "Count",
    meaning: "runs refused because nothing may be written to indexd's database as it is",
  },
  IndexdUnconfirmed: {
    unit: "Count",
    meaning:
      "1: the fleet works on a version of indexd's database that it does not know, because nothing that it touches differs or an operator accepted it",
  },
  MissingRights: { unit: "Count", meaning: "rights that the fleet's database role should have and has not" },

  // claim.
  SlabsLeased: { unit: "Count", meaning: "leases made" },
  MessagesSent: { unit: "Count", meaning: "messages that the queue took, those sent again included" },
  MessagesRefused: { unit: "Count", meaning: "messages that the queue did not take; they are sent again" },
  BacklogLeft: {
    unit: "Count",
    meaning: "1: claim's time was up before the backlog was; 0: nothing was left",
  },
  SlabsUnjudged: {
    unit: "Count",
    meaning: "times that a slab's health could not be read in time; it is tried again",
  },
  BudgetStops: {
    unit: "Count",
    meaning: "limits of the daily budget that are reached; slabs in danger are leased all the same",
  },
  Paused: { unit: "Count", meaning: "1: an operator paused the fleet" },

  // repair.
  Repairs: { unit: "Count", meaning: "repairs that ended, by the dimension `outcome`" },
  MessagesFailed: { unit: "Count", meaning: "messages whose repair never began; they come again" },
  SectorsCopied: { unit: "Count", meaning: "sectors stored elsewhere by copying" },
  SectorsRebuilt: { unit: "Count", meaning: "sectors stored elsewhere by rebuilding" },
  SectorsDenied: { unit: "Count", meaning: "sectors that their hosts said not to have" },
  SectorsLost: { unit: "Count", meaning: "denials that were recorded as losses" },
  MovesDropped: { unit: "Count", meaning: "stored sectors that the commit refused to record" },
  WorkersUnfit: {
    unit: "Count",
    meaning: "workers that ended or paused because they are themselves what fails",
  },
  HostScoresFailed: {
    unit: "Count",
    meaning: "readings or reports of the fleet's host scores that failed; the repair went on without",
  },
  BytesRead: { unit: "Bytes", meaning: "read from hosts" },
  BytesWritten: { unit: "Bytes", meaning: "written to hosts" },
  Hastings: { unit: "None", meaning: "what hosts charged; a siacoin is 10^24" },
  BeginMs: { unit: "Milliseconds", meaning: "time of a repair's beginning: connecting, and the lease" },
  PlanMs: {
    unit: "Milliseconds",
    meaning: "time of a repair's planning: reading the slab and, when they are old, hosts and contracts",
  },
  CopyMs: { unit: "Milliseconds", meaning: "time of a repair's copying" },
  RebuildMs: { unit: "Milliseconds", meaning: "time of a repair's rebuilding" },
  StoreMs: { unit: "Milliseconds", meaning: "time of a repair's storing; overlaps the others" },
  CommitMs: { unit: "Milliseconds", meaning: "time of a repair's commit, with what was tried again" },

  // Due checks (SLABMEND_VERIFY=due).
  CheckMessagesSent: { unit: "Count", meaning: "messages with a batch of due checks that the queue took" },
  ChecksConfirmed: { unit: "Count", meaning: "due checks whose host proved a leaf of the sector" },
  ChecksDenied: { unit: "Count", meaning: "due checks whose host said not to have the sector" },
  ChecksSuperseded: { unit: "Count", meaning: "due checks that indexd made, or moved the sector, meanwhile" },
  ChecksWrongData: { unit: "Count", meaning: "due checks answered with data that the proof contradicts" },
  ChecksUnanswered: {
    unit: "Count",
    meaning: "due checks from which nothing was learned of the sector; due again in half an hour",
  },
  ChecksFailed: { unit: "Count", meaning: "runs or messages of due checks that ended with an error" },
  CheckHastings: { unit: "None", meaning: "what hosts charged for due checks; a siacoin is 10^24" },

  // reap.
  LeasesFreed: { unit: "Count", meaning: "expired leases that never began" },
  LeasesCrashed: { unit: "Count", meaning: "leases that expired while their repair ran" },
  LeasesTaken: { unit: "Count", meaning: "expired leases whose slab indexd had taken" },
  SlabsQuarantined: { unit: "Count", meaning: "slabs put into quarantine" },
  DeadLetters: { unit: "Count", meaning: "messages moved from the dead-letter queue into the database" },
  JournalRowsSequenced: { unit: "Count", meaning: "rows of the journal that got their place in the stream" },
  CircuitBreakerOpen: { unit: "Count", meaning: "1: most recent outcomes are bad, claims back off; 0: well" },

  // The state of the fleet, measured by reap once a minute.
  LiveLeases: { unit: "Count", meaning: "leases that exist" },
  RunningLeases: { unit: "Count", meaning: "leases whose repair has begun" },
  ExpiredLeases: { unit: "Count", meaning: "leases that are over and not reaped yet" },
  OldestLeaseSeconds: { unit: "Seconds", meaning: "age of the oldest live lease" },
  RepairsLately: {
    unit: "Count",
    meaning: "repairs that ended in the last five minutes, by the journal; crashes not",
  },
  RepairsInHalfHour: {
    unit: "Count",
    meaning: "repairs that ended in the last half hour, by the journal, on any machine; without crashes",
  },
  FaultsInHalfHour: {
    unit: "Count",
    meaning: "of those, repairs that ended in `fault`: a bug, the database, or no host answered",
  },
  SlabsFoundAtRisk: {
    unit: "Count",
    meaning: "slabs whose repair found too few sources in the last five minutes, by the journal",
  },
  QuarantinedSlabs: { unit: "Count", meaning: "slabs in quarantine" },
  DatabaseConnections: { unit: "Count", meaning: "connections of the fleet's database role" },
  Backlog: { unit: "Count", meaning: "unhealthy slabs known" },
  BacklogMargin0: { unit: "Count", meaning: "of those, slabs that can lose no sector more, or are lost" },
  BacklogMargin1To2: { unit: "Count", meaning: "of those, slabs that can lose 1 or 2 sectors" },
  BacklogMargin3To5: { unit: "Count", meaning: "of those, slabs that can lose 3 to 5 sectors" },
  BacklogMargin6Plus: { unit: "Count", meaning: "of those, slabs that can lose 6 sectors or more" },
  UnderfundedHosts: { unit: "Count", meaning: "hosts on which the account lacks funds" },
  JournalBehindSeconds: {
    unit: "Seconds",
    meaning: "age of the oldest row of the journal that a follower (archive, totals) has not passed",
  },
  FollowersStopped: { unit: "Count", meaning: "followers of the journal that do not go on, and say why" },
  ChecksBehindSeconds: {
    unit: "Seconds",
    meaning: "with SLABMEND_VERIFY=due: how long the oldest check of a host that is not silent has been due",
  },
  RunIdleSeconds: {
    unit: "Seconds",
    meaning:
      "how long no process has moved the unfinished maintenance run on; 0: one does, it is paused, or there is none",
  },
  RunsFailedLately: { unit: "Count", meaning: "maintenance runs that failed in the last hour" },
} as const;

export type MetricName = keyof typeof METRICS;

/** One set of values; what is undefined is not known and not printed. */
export type MetricValues = { readonly [Name in MetricName]?: number | undefined };
