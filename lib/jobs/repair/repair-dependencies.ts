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

/** After each of these something is left behind that a crash must not spoil; kill tests end the process there. */
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

/** The database, as a repair uses it; each call opens no transaction that outlives it. */
export interface RepairStore {
  begin(task: LeasedSlab, options: BeginOptions): Promise<BeginResult>;
  /** With what the repair has spent so far, and what hosts acknowledged since the last call that did not fail. */
  extend(task: LeasedSlab, spent: Spent, stored: readonly Upload[]): Promise<boolean>;
  readSlab(slabId: SlabId): Promise<Slab | undefined>;
  readHistory(slabId: SlabId): Promise<RepairHistory>;
  /** What earlier repairs of the slab stored and did not commit. */
  readUploads(slabId: SlabId): Promise<readonly Upload[]>;
  /** Cached for a while; `fresh`: as it is now. */
  readNetwork(options?: { readonly fresh?: boolean }): Promise<NetworkSnapshot>;
  /** A few other sectors that each of these hosts should have. */
  drawOtherSectors(hostIds: readonly HostId[]): Promise<ReadonlyMap<HostId, readonly Root[]>>;
  commit(request: CommitRequest): Promise<CommitResult>;
  bumpEvents(slabId: SlabId): Promise<void>;
}

export interface RepairSettings {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly copyPriceMultiple: number;
  readonly maxUnpinnedPerHost: number;
  /** What one repair may cost at most; undefined: no limit. */
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
  /** Names this one invocation. */
  readonly worker: string;
  readonly step?: (name: RepairStep) => void | Promise<void>;
}

/** How a repair ended, for the log, metrics and the caller. */
export type RepairResult =
  | { readonly kind: "stale"; readonly why: string }
  | {
      readonly kind: Exclude<OutcomeKind, "stale">;
      readonly copied: number;
      readonly rebuilt: number;
      /** Stored by an earlier repair that did not commit: recorded without an upload. */
      readonly found: number;
      readonly dropped: number;
      /** Sectors that their hosts denied. */
      readonly denied: number;
      /** Denials that the commit recorded as losses. */
      readonly lost: number;
      /** The journal's: a code, and how many hosts failed in which way. */
      readonly error: string | undefined;
      /** Of a fault: what is wrong with this worker rather than with the slab; undefined: that is not known. */
      readonly ourFault: string | undefined;
      readonly meter: Meter;
    };
