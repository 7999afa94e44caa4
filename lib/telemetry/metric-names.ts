/**
 * Every metric with its unit and meaning; there are no other metrics. The functions print them; the alarms and the
 * dashboard read them. Each metric has the dimension `service`: the function that prints it. `Repairs` also
 * has `outcome`.
 */
export const METRICS = {
  // Every function.
  RunsCompleted: { unit: "Count", meaning: "completed runs of claim or reap" },
  RunsFailed: { unit: "Count", meaning: "runs of claim or reap that ended with an error" },
  UnknownIndexdVersion: {
    unit: "Count",
    meaning: "runs refused because writing to this version of indexd's database is not safe",
  },
  IndexdUnconfirmed: {
    unit: "Count",
    meaning:
      "1: the fleet works on an unknown version of indexd's database, because nothing that the fleet uses differs from a known version, or because an operator accepted this version",
  },
  MissingRights: { unit: "Count", meaning: "privileges that the fleet's database role lacks" },

  // claim.
  SlabsLeased: { unit: "Count", meaning: "leases made" },
  MessagesSent: { unit: "Count", meaning: "messages that the queue accepted, including those sent again" },
  MessagesRefused: { unit: "Count", meaning: "messages that the queue did not accept; they are sent again" },
  BacklogLeft: {
    unit: "Count",
    meaning: "1: claim's time ran out with ready slabs left; 0: no ready slab was left",
  },
  SlabsUnjudged: {
    unit: "Count",
    meaning: "reads of a slab's health that timed out; they are tried again",
  },
  BudgetStops: {
    unit: "Count",
    meaning: "limits of the daily budget that are reached; slabs in danger are still leased",
  },
  Paused: { unit: "Count", meaning: "1: an operator paused the fleet" },

  // repair.
  Repairs: { unit: "Count", meaning: "finished repairs, by the dimension `outcome`" },
  MessagesFailed: {
    unit: "Count",
    meaning: "messages whose repair could not begin; they are delivered again",
  },
  SectorsCopied: { unit: "Count", meaning: "sectors stored elsewhere by copying" },
  SectorsRebuilt: { unit: "Count", meaning: "sectors stored elsewhere by rebuilding" },
  SectorsDenied: { unit: "Count", meaning: "sectors that their hosts denied" },
  SectorsLost: { unit: "Count", meaning: "denials recorded as losses" },
  MovesDropped: { unit: "Count", meaning: "stored sectors that the commit refused to record" },
  WorkersUnfit: {
    unit: "Count",
    meaning: "workers that ended or paused because they themselves were failing",
  },
  HostScoresFailed: {
    unit: "Count",
    meaning: "failed reads or reports of the fleet's host scores; the repair continued without them",
  },
  BytesRead: { unit: "Bytes", meaning: "read from hosts" },
  BytesWritten: { unit: "Bytes", meaning: "written to hosts" },
  Hastings: { unit: "None", meaning: "what hosts charged (a siacoin is 10^24 hastings)" },
  BeginMs: { unit: "Milliseconds", meaning: "time to begin a repair: connecting and confirming the lease" },
  PlanMs: {
    unit: "Milliseconds",
    meaning:
      "time of a repair's planning: reading the slab, and also hosts and contracts if they were read too long ago",
  },
  CopyMs: { unit: "Milliseconds", meaning: "time of a repair's copying" },
  RebuildMs: { unit: "Milliseconds", meaning: "time of a repair's rebuilding" },
  StoreMs: {
    unit: "Milliseconds",
    meaning: "time that a repair waits for its last uploads after copying and rebuilding",
  },
  CommitMs: { unit: "Milliseconds", meaning: "time of a repair's commit, including retries" },

  // Due checks (SLABMEND_VERIFY=due).
  CheckMessagesSent: {
    unit: "Count",
    meaning: "messages that the queue accepted, each with a batch of due checks",
  },
  ChecksConfirmed: { unit: "Count", meaning: "due checks whose host proved a leaf of the sector" },
  ChecksDenied: { unit: "Count", meaning: "due checks whose host denied the sector" },
  ChecksSuperseded: { unit: "Count", meaning: "due checks whose sector indexd checked or moved meanwhile" },
  ChecksWrongData: { unit: "Count", meaning: "due checks answered with data that the proof contradicts" },
  ChecksUnanswered: {
    unit: "Count",
    meaning: "due checks without a result; due again in half an hour",
  },
  ChecksFailed: { unit: "Count", meaning: "runs or messages of due checks that ended with an error" },
  CheckHastings: {
    unit: "None",
    meaning: "what hosts charged for due checks (a siacoin is 10^24 hastings)",
  },

  // reap.
  LeasesFreed: { unit: "Count", meaning: "expired leases whose repair never began" },
  LeasesCrashed: { unit: "Count", meaning: "leases that expired while their repair ran" },
  LeasesTaken: { unit: "Count", meaning: "expired leases whose slab indexd had claimed" },
  SlabsQuarantined: { unit: "Count", meaning: "slabs put into quarantine" },
  DeadLetters: { unit: "Count", meaning: "messages moved from the dead-letter queue into the database" },
  JournalRowsSequenced: { unit: "Count", meaning: "journal rows that got their position in the stream" },
  CircuitBreakerOpen: {
    unit: "Count",
    meaning: "1: the circuit breaker is open, because most of the recent repairs failed; 0: it is closed",
  },

  // The state of the fleet, measured by reap once a minute.
  LiveLeases: { unit: "Count", meaning: "leases that exist" },
  RunningLeases: { unit: "Count", meaning: "leases whose repair has begun" },
  ExpiredLeases: { unit: "Count", meaning: "expired leases that are not reaped yet" },
  OldestLeaseSeconds: { unit: "Seconds", meaning: "age of the oldest live lease" },
  RepairsLately: {
    unit: "Count",
    meaning:
      "repairs in the journal that ended in the last five minutes, without those that crashed or were superseded",
  },
  RepairsInHalfHour: {
    unit: "Count",
    meaning:
      "repairs in the journal that ended in the last half hour, without those that crashed or were superseded",
  },
  FaultsInHalfHour: {
    unit: "Count",
    meaning:
      "repairs in the journal that ended in `fault` in the last half hour: a bug, a database failure, or no host answered",
  },
  SlabsFoundAtRisk: {
    unit: "Count",
    meaning:
      "slabs with a repair in the last five minutes that found too few sources, according to the journal",
  },
  QuarantinedSlabs: { unit: "Count", meaning: "slabs in quarantine" },
  DatabaseConnections: { unit: "Count", meaning: "connections of the fleet's database role" },
  Backlog: { unit: "Count", meaning: "known unhealthy slabs" },
  BacklogMargin0: { unit: "Count", meaning: "unhealthy slabs that can lose no more sectors, or are lost" },
  BacklogMargin1To2: { unit: "Count", meaning: "unhealthy slabs that can lose 1 or 2 sectors" },
  BacklogMargin3To5: { unit: "Count", meaning: "unhealthy slabs that can lose 3 to 5 sectors" },
  BacklogMargin6Plus: { unit: "Count", meaning: "unhealthy slabs that can lose 6 sectors or more" },
  UnderfundedHosts: { unit: "Count", meaning: "hosts on which the account lacks funds" },
  JournalBehindSeconds: {
    unit: "Seconds",
    meaning: "age of the oldest journal row that a follower (archive, totals) has not processed",
  },
  FollowersStopped: { unit: "Count", meaning: "stopped followers of the journal; status says why" },
  ChecksBehindSeconds: {
    unit: "Seconds",
    meaning:
      "with SLABMEND_VERIFY=due: how long the oldest check has been due; checks of silent hosts do not count",
  },
  RunIdleSeconds: {
    unit: "Seconds",
    meaning:
      "time since the unfinished maintenance run last made progress; 0 if there is no such run, if it is paused, or if it is a move of the database that has not stopped the fleet",
  },
  RunsFailedLately: { unit: "Count", meaning: "maintenance runs that failed in the last hour" },
  MoveSlotKeptBytes: {
    unit: "Bytes",
    meaning: "while the database is moved: size of the write-ahead log that the source keeps for the target",
  },
  MoveSlotSafeBytes: {
    unit: "Bytes",
    meaning:
      "how much more write-ahead log may be written before the source gives up the target's replication slot",
  },
  MoveSlotLost: {
    unit: "Count",
    meaning: "1: the source has given up the target's replication slot; 0: it has not",
  },
} as const;

export type MetricName = keyof typeof METRICS;

/** One set of values; undefined values are unknown and not printed. */
export type MetricValues = { readonly [Name in MetricName]?: number | undefined };
