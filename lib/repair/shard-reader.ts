import { HostError } from "../hosts/host-error.ts";
import type { HostPool } from "../hosts/host-pool.ts";
import type { FleetHost } from "../indexd/fleet-snapshot.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { HostId } from "../slab/ids.ts";
import { SECTOR_BYTES } from "../slab/sizes.ts";
import type { SlabSector } from "../slab/slab.ts";
import type { LostReport } from "../store/commit-repair.ts";
import type { Meter } from "./meter.ts";
import { TransferTimedOut } from "./time-limits.ts";

/** What a failed read tells about its host, as far as the outcome of the repair depends on it. */
export type ReadFailure = "lost" | "underfunded" | "wrong-data" | "failed";

/** Reads sectors from hosts for one repair, and remembers which hosts failed, so that each is asked in vain once. */
export interface ShardReader {
  /**
   * Reads a range into `into`. Nothing writes to `into` after the promise has settled.
   * @throws whatever the host pool throws, after it was noted
   */
  readRange(
    sector: SlabSector,
    host: FleetHost,
    range: { readonly offset: number; readonly into: Uint8Array },
    signal: AbortSignal,
  ): Promise<{ readonly proof: readonly Uint8Array[] }>;
  /** Reads a whole sector and compares its root; false: the host sent other data. */
  readSector(sector: SlabSector, host: FleetHost, into: Uint8Array, signal: AbortSignal): Promise<boolean>;
  /** Runs a request to the sector's host and notes its failure. */
  noting<T>(sector: SlabSector, host: FleetHost, request: () => Promise<T>): Promise<T>;
  /** Notes that a host sent data that its own proof contradicts. */
  accuse(host: FleetHost): void;
  hasFailed(hostId: HostId): boolean;
  readonly failures: ReadonlyMap<HostId, ReadFailure>;
  readonly lost: readonly LostReport[];
}

export function createShardReader(deps: {
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly meter: Meter;
}): ShardReader {
  const { hosts, kernel, meter } = deps;
  const failures = new Map<HostId, ReadFailure>();
  const lost: LostReport[] = [];

  const note = (sector: SlabSector, host: FleetHost, cause: unknown): void => {
    if (!(cause instanceof HostError)) return;
    // Cancelled because others were faster is no failure; cancelled because it took too long for its size is one.
    if (cause.code === "aborted" && !(cause.cause instanceof TransferTimedOut)) return;
    if (cause.meansLost) {
      failures.set(host.id, "lost");
      if (!lost.some((report) => report.sectorId === sector.sectorId)) {
        lost.push({
          sectorId: sector.sectorId,
          root: sector.root,
          hostId: host.id,
          plannedMapId: sector.contractMapId,
        });
      }
    } else {
      failures.set(host.id, cause.code === "not-enough-funds" ? "underfunded" : "failed");
    }
  };

  const noting: ShardReader["noting"] = async (sector, host, request) => {
    try {
      return await request();
    } catch (cause) {
      note(sector, host, cause);
      throw cause;
    }
  };

  const read = (
    sector: SlabSector,
    host: FleetHost,
    offset: number,
    into: Uint8Array,
    signal: AbortSignal,
  ): Promise<readonly Uint8Array[]> =>
    noting(sector, host, async () => {
      const request = { root: sector.root, offset, length: into.length, into };
      const { proof, costHastings } = await hosts.readRange(host, request, signal);
      meter.bytesRead += into.length;
      meter.hastings += costHastings;
      return proof;
    });

  const accuse = (host: FleetHost): void => {
    failures.set(host.id, "wrong-data");
    hosts.reportWrongData(host.hostKey);
  };

  return {
    async readRange(sector, host, { offset, into }, signal) {
      return { proof: await read(sector, host, offset, into, signal) };
    },
    async readSector(sector, host, into, signal) {
      await read(sector, host, 0, into.subarray(0, SECTOR_BYTES), signal);
      if (kernel.sectorRoot(into) === sector.root) return true;
      accuse(host);
      return false;
    },
    noting,
    accuse,
    hasFailed: (hostId) => failures.has(hostId),
    failures,
    lost,
  };
}
