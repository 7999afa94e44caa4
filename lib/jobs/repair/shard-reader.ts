import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import type { LostReport } from "../../database/leases/commit-repair.ts";
import { HostError, type HostErrorCode } from "../../hosts/host-error.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { PriceLimit } from "../../rhp4/host-prices.ts";
import type { HostId, SectorId } from "../../slab/ids.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { SlabSector } from "../../slab/slab.ts";
import type { Meter } from "./meter.ts";
import { settleAll } from "./settle-all.ts";
import { TransferTimedOut } from "./time-limits.ts";

/**
 * What became of asking a host. `fresh`: it has not failed. `broken-off`: its connection or it itself failed once in a
 * way that may be over already, so it is asked again before a slab is given up. `expensive`: it asks more than indexd
 * allows a host, which is paid only before a slab is given up. Anything else: in vain.
 */
export type Standing = "fresh" | "broken-off" | "expensive" | "underfunded" | "useless";

/** Reads sectors from hosts for one repair, and remembers which hosts failed, so that few are asked in vain twice. */
export interface ShardReader {
  /**
   * Reads a range into `into`. Nothing writes to `into` after the promise has settled.
   * @throws whatever the host pool throws, after it was noted
   */
  readRange(
    sector: SlabSector,
    host: NetworkHost,
    range: { readonly offset: number; readonly into: Uint8Array },
    signal: AbortSignal,
  ): Promise<{ readonly proof: readonly Uint8Array[] }>;
  /** Reads a whole sector and compares its root; false: the host sent other data. */
  readSector(
    sector: SlabSector,
    host: NetworkHost,
    into: Uint8Array,
    signal: AbortSignal,
    atAnyPrice?: boolean,
  ): Promise<boolean>;
  /** Runs a request to the sector's host and notes its failure. */
  noting<T>(sector: SlabSector, host: NetworkHost, request: () => Promise<T>): Promise<T>;
  /** Notes that a host sent data that its own proof contradicts. */
  accuse(host: NetworkHost): void;
  /** Whether the host may have this sector for us. */
  standing(sector: SlabSector, host: NetworkHost): Standing;
  readonly lost: readonly LostReport[];
  /**
   * Whether many different hosts were asked and not one said a word, nor one of `others` when asked now: then our own
   * network is cut off. The slab's hosts alone do not tell: they may be gone, and what is hopeless is not asked for to the end.
   */
  hearsNobody(others: readonly NetworkHost[], signal: AbortSignal): Promise<boolean>;
}

/** So many different hosts of which we know nothing bad are not gone at once; fewer may be. */
const LEAST_SILENT_HOSTS = 5;
/** Asked at once, for free. */
const MOST_OTHERS = 8;

/** Failures in which nothing was heard of the host. */
const SILENCE: ReadonlySet<HostErrorCode> = new Set([
  "unreachable",
  "network-unreachable",
  "address-refused",
  "timed-out",
  "aborted",
] satisfies HostErrorCode[]);

/** The host answered, or had answered, and may well answer the next time. What took all its time is not asked again. */
const MAY_BE_OVER: ReadonlySet<string> = new Set(["connection-lost", "host-internal"]);

export function createShardReader(deps: {
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly meter: Meter;
  /** What a read may cost at a host that is not the last one. */
  readonly priceLimit: PriceLimit;
}): ShardReader {
  const { hosts, kernel, meter } = deps;
  const standings = new Map<HostId, Exclude<Standing, "fresh">>();
  const lost = new Map<SectorId, LostReport>();
  const silent = new Set<HostId>();
  let someAnswered = false;

  const onCharged = (hastings: bigint): void => {
    meter.hastings += hastings;
  };

  const noteSilence = (host: NetworkHost, cause: HostError): void => {
    if (SILENCE.has(cause.code)) silent.add(host.id);
    else someAnswered = true;
  };

  const note = (sector: SlabSector, host: NetworkHost, cause: unknown): void => {
    if (!(cause instanceof HostError)) return;
    // Cancelled because others were faster is no failure; cancelled because it took too long for its size is one.
    if (cause.code === "aborted" && !(cause.cause instanceof TransferTimedOut)) return;
    noteSilence(host, cause);
    if (cause.meansLost) {
      // Of this sector only: the host may have another one of the same slab.
      lost.set(sector.sectorId, {
        sectorId: sector.sectorId,
        root: sector.root,
        hostId: host.id,
        plannedMapId: sector.contractMapId,
      });
      return;
    }
    const before = standings.get(host.id);
    if (before === "useless") return;
    if (cause.code === "not-enough-funds") standings.set(host.id, "underfunded");
    else if (cause.code === "too-expensive") standings.set(host.id, "expensive");
    else if (before === undefined && MAY_BE_OVER.has(cause.code)) {
      standings.set(host.id, "broken-off");
    } else standings.set(host.id, "useless");
  };

  const noting: ShardReader["noting"] = async (sector, host, request) => {
    try {
      const result = await request();
      someAnswered = true;
      return result;
    } catch (cause) {
      note(sector, host, cause);
      throw cause;
    }
  };

  const read = (
    sector: SlabSector,
    host: NetworkHost,
    offset: number,
    into: Uint8Array,
    signal: AbortSignal,
    atAnyPrice = false,
  ): Promise<readonly Uint8Array[]> =>
    noting(sector, host, async () => {
      // Asked again though it is expensive: the caller has no other.
      const isLastChance = atAnyPrice || standings.get(host.id) === "expensive";
      const priceLimit = isLastChance ? {} : deps.priceLimit;
      const request = { root: sector.root, offset, length: into.length, into, priceLimit, onCharged };
      const { proof } = await hosts.readRange(host, request, signal);
      meter.bytesRead += into.length;
      return proof;
    });

  const accuse = (host: NetworkHost): void => {
    standings.set(host.id, "useless");
    hosts.reportWrongData(host.hostKey);
  };

  return {
    async readRange(sector, host, { offset, into }, signal) {
      return { proof: await read(sector, host, offset, into, signal) };
    },
    async readSector(sector, host, into, signal, atAnyPrice) {
      await read(sector, host, 0, into.subarray(0, SECTOR_BYTES), signal, atAnyPrice);
      if (kernel.sectorRoot(into) === sector.root) return true;
      accuse(host);
      return false;
    },
    noting,
    accuse,
    standing(sector, host) {
      if (lost.has(sector.sectorId)) return "useless";
      return standings.get(host.id) ?? "fresh";
    },
    get lost() {
      return [...lost.values()];
    },
    async hearsNobody(others, signal) {
      if (someAnswered) return false;
      await settleAll(
        others.slice(0, MOST_OTHERS).map(async (host) => {
          try {
            await hosts.prices(host, signal);
            someAnswered = true;
          } catch (cause) {
            if (!(cause instanceof HostError)) throw cause;
            noteSilence(host, cause);
          }
        }),
      );
      return !someAnswered && silent.size >= LEAST_SILENT_HOSTS;
    },
  };
}
