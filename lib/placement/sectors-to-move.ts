import type { NetworkHost, NetworkSnapshot } from "../database/indexd/network-snapshot.ts";
import type { HostId } from "../slab/ids.ts";
import type { Slab, SlabSector } from "../slab/slab.ts";

/**
 * Why a sector moves. `lost`: it has no host. `denied`: it has an open denial by its host. `bad-host`: its host is
 * blocked, unusable or without an active contract. `duplicate-host`: an earlier sector of the slab is on the same host.
 * `bad-contract`: it is pinned to a contract that is not healthy, or to the contract of an earlier sector that stays.
 * `draining`: nothing is wrong, but an operator is draining its host.
 */
export type MoveReason = "lost" | "denied" | "bad-host" | "duplicate-host" | "bad-contract" | "draining";

export interface SectorVerdicts {
  readonly moves: readonly { readonly sector: SlabSector; readonly reason: MoveReason }[];
  /** Hosts of the sectors that stay, in slab order. */
  readonly keptHosts: readonly NetworkHost[];
  /** Good hosts that hold a sector of the slab, whether or not the sector stays: none of them is a candidate. */
  readonly holders: ReadonlySet<HostId>;
}

/** Usable, not blocked, with an active contract: a sector there may stay if its contract is healthy. */
export function isGoodHost(host: NetworkHost): boolean {
  return host.usable && !host.blocked && host.hasActiveContract;
}

/**
 * Decides as indexd does (docs/protocol.md#which-sectors-move-and-where), sector by sector in slab order.
 * slabmend.sectors_to_move() makes the same decision in SQL, except for a paused drain: the SQL function still names
 * the drain's sectors. This function does not, because no new move should begin. A sector without a contract on a good
 * host stays: it waits to be pinned.
 */
export function judgeSectors(
  slab: Pick<Slab, "sectors">,
  network: Pick<NetworkSnapshot, "hosts" | "healthyContractIds">,
): SectorVerdicts {
  const moves: { sector: SlabSector; reason: MoveReason }[] = [];
  const keptHosts: NetworkHost[] = [];
  const holders = new Set<HostId>();
  const usedContracts = new Set<string>();
  for (const sector of slab.sectors) {
    if (sector.hostId === null) {
      moves.push({ sector, reason: "lost" });
      continue;
    }
    const host = network.hosts.get(sector.hostId);
    if (sector.denials > 0) {
      // The host still counts as a holder, because it may serve the sector after all.
      if (host !== undefined && isGoodHost(host)) holders.add(host.id);
      moves.push({ sector, reason: "denied" });
      continue;
    }
    if (host === undefined || !isGoodHost(host)) {
      moves.push({ sector, reason: "bad-host" });
      continue;
    }
    if (holders.has(host.id)) {
      moves.push({ sector, reason: "duplicate-host" });
      continue;
    }
    holders.add(host.id);
    const isPinned = sector.contractId !== null;
    if (isPinned && !network.healthyContractIds.has(sector.contractId)) {
      moves.push({ sector, reason: "bad-contract" });
      continue;
    }
    if (host.drain === "running") {
      moves.push({ sector, reason: "draining" });
      continue;
    }
    if (isPinned && usedContracts.has(sector.contractId)) {
      moves.push({ sector, reason: "bad-contract" });
      continue;
    }
    if (isPinned) usedContracts.add(sector.contractId);
    keptHosts.push(host);
  }
  return { moves, keptHosts, holders };
}

/** Nothing is wrong with the slab: its only moves are those of a drain. */
export function isOnlyDrain(moves: readonly { readonly reason: MoveReason }[]): boolean {
  return moves.length > 0 && moves.every(({ reason }) => reason === "draining");
}
