import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import { rangeRead } from "../../hosts/paid-rpc.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { PriceLimit } from "../../rhp4/host-prices.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { SlabSector } from "../../slab/slab.ts";
import type { HostAnswers } from "./host-answers.ts";
import type { CostLimit, Meter } from "./meter.ts";

interface ReadRequest {
  readonly offset: number;
  /** The buffer for the data. It is not written to after the promise has settled. */
  readonly into: Uint8Array;
  readonly signal: AbortSignal;
  /** Time limit for the whole read. Default: the host pool's. */
  readonly deadlineMs?: number;
  readonly atAnyPrice?: boolean;
}

/** Number of hosts that are asked for their prices in parallel; asking is free. */
const MOST_PROBES = 8;

export interface SectorReaderDependencies {
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly meter: Meter;
  readonly cost: CostLimit;
  readonly answers: HostAnswers;
  /** Price limit for a read if other hosts are left to ask. */
  readonly priceLimit: PriceLimit;
}

/** Reads sectors from hosts for one repair, and records the hosts' answers. */
export class SectorReader {
  readonly #deps: SectorReaderDependencies;

  constructor(deps: SectorReaderDependencies) {
    this.#deps = deps;
  }

  /** @throws the host pool's error, after recording it */
  async readRange(
    sector: SlabSector,
    host: NetworkHost,
    { offset, into, signal, deadlineMs, atAnyPrice = false }: ReadRequest,
  ): Promise<readonly Uint8Array[]> {
    const { hosts, meter, cost, answers, priceLimit } = this.#deps;
    // If an expensive host is asked again, the caller has no other host left.
    const isLastChance = atAnyPrice || answers.standing(sector, host) === "expensive";
    try {
      const { proof } = await hosts.call(host, rangeRead({ root: sector.root, offset, into }), {
        signal,
        reserve: cost.reserve,
        onCharged: cost.charge,
        ...(isLastChance ? {} : { priceLimit }),
        ...(deadlineMs === undefined ? {} : { deadlineMs }),
      });
      meter.bytesRead += into.length;
      answers.served(host);
      return proof;
    } catch (cause) {
      if (cause instanceof HostError) answers.failed(sector, host, cause, into.length === SECTOR_BYTES);
      throw cause;
    }
  }

  /** Reads a whole sector and verifies its root. False: the host sent data with another root. */
  async readSector(
    sector: SlabSector,
    host: NetworkHost,
    request: Omit<ReadRequest, "offset">,
  ): Promise<boolean> {
    await this.readRange(sector, host, { offset: 0, ...request });
    if (this.#deps.kernel.sectorRoot(request.into) === sector.root) {
      this.#deps.answers.servedAll(sector, host);
      return true;
    }
    this.accuse(host);
    return false;
  }

  /** The host's price for reading. A failure to get it is recorded like a failed read. */
  async egressPrice(sector: SlabSector, host: NetworkHost, signal: AbortSignal): Promise<bigint> {
    try {
      return (await this.#deps.hosts.prices(host, signal)).egressPrice;
    } catch (cause) {
      if (cause instanceof HostError) this.#deps.answers.failed(sector, host, cause, false);
      throw cause;
    }
  }

  /** Records that a host sent wrong data, which contradicts the sector's root or the host's own proof. */
  accuse(host: NetworkHost): void {
    this.#deps.answers.sentWrongData(host);
    this.#deps.hosts.reportWrongData(host.hostKey);
  }

  /** Asks some hosts for their prices, which is free, to learn whether any host can be reached. */
  async probe(others: readonly NetworkHost[], signal: AbortSignal): Promise<void> {
    const probes = others.slice(0, MOST_PROBES).map(async (host) => {
      try {
        await this.#deps.hosts.prices(host, signal);
        this.#deps.answers.probed(true);
      } catch (cause) {
        if (!(cause instanceof HostError)) throw cause;
        if (cause.code !== "aborted") this.#deps.answers.probed(false);
      }
    });
    for (const probe of await Promise.allSettled(probes)) if (probe.status === "rejected") throw probe.reason;
  }
}
