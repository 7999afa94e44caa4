import { DEFAULT_LEASE_MS } from "../database/leases/begin-repair.ts";
import type { RepairSettings } from "../jobs/repair/repair-dependencies.ts";

/** Settings of a worker that no variable sets. The demo and tests shorten the times. */
export interface WorkerSettings extends Omit<RepairSettings, "mostHastings"> {
  /** How long a snapshot of hosts and contracts is reused. */
  readonly networkMaxAgeMs: number;
  /** Largest number of connections from one process to the database, however many repairs it runs in parallel. */
  readonly mostConnections: number;
}

export const DEFAULT_WORKER_SETTINGS: WorkerSettings = {
  // When a worker has crashed and sent no heartbeat for this long, its slab is free again.
  leaseMs: DEFAULT_LEASE_MS,
  // At most a third of a lease: two heartbeats may fail before the lease expires.
  heartbeatMs: 30_000,
  // A copy reads one sector; a rebuild in a 10-of-30 slab reads ten sectors at the usual price. A copy for more than
  // five times the usual price is hardly cheaper than the rebuild.
  copyPriceMultiple: 5,
  // A host with more unpinned sectors than this takes no further ones: indexd pins at most 262,144 sectors of a host
  // in one pass.
  maxUnpinnedPerHost: 200_000,
  // Long enough that several repairs share a snapshot, short enough to notice within a minute that a host was blocked
  // or that a contract became bad.
  networkMaxAgeMs: 45_000,
  // A repair needs a connection for some tens of milliseconds at a time. Of four repairs in a process, two rarely need
  // a connection at the same time.
  mostConnections: 4,
};
