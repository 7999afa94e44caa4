import { DEFAULT_LEASE_MS } from "../database/leases/begin-repair.ts";
import type { RepairSettings } from "../jobs/repair/repair-dependencies.ts";

/** What no variable decides about a worker. The demo and tests shorten its times. */
export interface WorkerSettings extends Omit<RepairSettings, "mostHastings"> {
  /** How long a snapshot of hosts and contracts is kept. */
  readonly networkMaxAgeMs: number;
  /** Connections of one process to the database, however many repairs it makes at once. */
  readonly mostConnections: number;
}

export const DEFAULT_WORKER_SETTINGS: WorkerSettings = {
  // Without a heartbeat the slab of a crashed worker is free again after this.
  leaseMs: DEFAULT_LEASE_MS,
  // At most a third of a lease: two heartbeats may fail before the lease is lost.
  heartbeatMs: 30_000,
  // A rebuilt sector of a 10-of-30 slab reads ten at the usual price: half of that is where copying stops being clearly cheaper.
  copyPriceMultiple: 5,
  // indexd pins at most 262,144 sectors of a host in one pass.
  maxUnpinnedPerHost: 200_000,
  // Old enough to be shared by several repairs, young enough for a block or a bad contract to count within a minute.
  networkMaxAgeMs: 45_000,
  // A repair needs one for some tens of milliseconds; of four repairs in a process, hardly ever two at the same time.
  mostConnections: 4,
};
