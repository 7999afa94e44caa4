import type { Clock } from "../../clock/clock.ts";
import type { NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { BeginResult } from "../../database/leases/begin-repair.ts";
import type { CommitRequest, CommitResult } from "../../database/leases/commit-repair.ts";
import type { Spent } from "../../database/leases/extend-lease.ts";
import type { OutcomeKind } from "../../database/leases/outcome-writes.ts";
import type { Upload } from "../../database/leases/uploads.ts";
import type { RepairHistory } from "../../database/reports/read-repair-history.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { HostId, Root, SlabId } from "../../slab/ids.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";
import type { Slab } from "../../slab/slab.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Meter } from "./meter.ts";
import type { SectorMemory } from "./sector-memory.ts";

/** Steps after which a crash leaves something behind that must do no harm; kill tests end the process there. */
export type RepairStep =
  | "begun"
  | "planned"
  | "fetched-one"
  | "rebuilt-one"
  | "stored-one"
  | "stored"
  | "commit-sent"
  | "committed"
  | "events-bumped";

interface BeginOptions {
  readonly worker: string;
  readonly holdMs: number;
}

/** The database operations of a repair; no transaction outlives its call. */
export interface RepairStore {
  begin(task: LeasedSlab, options: BeginOptions): Promise<BeginResult>;
  /**
   * Extends the lease, and records the total spent so far and the uploads acknowledged since the last successful call.
   * False: the lease is lost.
   */
  extend(task: LeasedSlab, spent: Spent, stored: readonly Upload[]): Promise<boolean>;
  readSlab(slabId: SlabId): Promise<Slab | undefined>;
  readHistory(slabId: SlabId): Promise<RepairHistory>;
  /** Shards that earlier repairs of the slab stored but did not commit. */
  readUploads(slabId: SlabId): Promise<readonly Upload[]>;
  /** The result is cached for a while; with `fresh` the network is read again. */
  readNetwork(options?: { readonly fresh?: boolean }): Promise<NetworkSnapshot>;
  /** Draws, for each of these hosts, the roots of a few sectors that the host should have. */
  drawOtherSectors(hostIds: readonly HostId[]): Promise<ReadonlyMap<HostId, readonly Root[]>>;
  commit(request: CommitRequest): Promise<CommitResult>;
  bumpEvents(slabId: SlabId): Promise<void>;
}

export interface RepairSettings {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly copyPriceMultiple: number;
  readonly maxUnpinnedPerHost: number;
  /** Cost limit of one repair; undefined: no limit. */
  readonly mostHastings: bigint | undefined;
}

export interface RepairDependencies {
  readonly store: RepairStore;
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly memory: SectorMemory;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly settings: RepairSettings;
  /** Identifies this one invocation. */
  readonly worker: string;
  readonly step?: (name: RepairStep) => void | Promise<void>;
}

/** The result of a repair, for the log, metrics and the caller. */
export type RepairResult =
  | { readonly kind: "stale"; readonly why: string }
  | {
      readonly kind: Exclude<OutcomeKind, "stale">;
      readonly copied: number;
      readonly rebuilt: number;
      /**
       * Number of shards that an earlier repair had stored but not committed, and that this repair recorded without
       * uploading them again.
       */
      readonly found: number;
      readonly dropped: number;
      /** Number of sectors denied by their hosts. */
      readonly denied: number;
      /** Number of denials that the commit recorded as losses. */
      readonly lost: number;
      /** The error as the journal records it: a code, and the number of hosts for each kind of failure. */
      readonly error: string | undefined;
      /**
       * If the outcome is `fault`: the code of a problem on this worker's side; undefined: no such problem is known.
       */
      readonly ourFault: string | undefined;
      readonly meter: Meter;
    };
