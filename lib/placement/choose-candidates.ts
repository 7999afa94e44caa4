import type { NetworkHost, NetworkSnapshot } from "../database/indexd/network-snapshot.ts";
import type { HostId } from "../slab/ids.ts";
import { isOnlyDrain, type SectorVerdicts } from "./sectors-to-move.ts";
import { SpacedSet } from "./spaced-set.ts";
import { weightedOrder } from "./weighted-order.ts";

/**
 * A host with more unpinned sectors than this takes none that only a drain moves: these are safe where they are. indexd pins every
 * two minutes whatever a host has, so more are left only where it falls behind, and no more than these are then at stake.
 */
const MOST_UNPINNED_FOR_DRAIN = 1_000;

export interface PlacementLimits {
  /**
   * A host with more unpinned sectors than this takes no more: indexd pins at most 262144 of a host in one pass, and what
   * stays unpinned for three days is lost (docs/protocol.md#what-happens-after-a-migration).
   */
  readonly maxUnpinnedPerHost: number;
}

/** Better hosts have a higher weight; what a weight means is the caller's matter, only ratios count. */
export type HostWeight = (host: NetworkHost) => number;

export interface CandidateChoice {
  readonly verdicts: SectorVerdicts;
  readonly network: Pick<NetworkSnapshot, "hosts" | "minHostDistanceKm">;
  readonly limits: PlacementLimits;
  readonly score: HostWeight;
  /** Refused a sector for want of space some minutes ago. */
  readonly isFull: (host: NetworkHost) => boolean;
  /** May have a sector of the slab that an earlier repair stored and did not commit: comes first, and needs no room. */
  readonly hasUpload: (host: NetworkHost) => boolean;
  readonly random: () => number;
}

/**
 * Hosts that may take a moved sector, in a random order weighted by score, all far enough from the hosts that stay and
 * from each other: any of them may take any of the moves.
 */
export function chooseCandidates({
  verdicts,
  network,
  limits,
  score,
  isFull,
  hasUpload,
  random,
}: CandidateChoice): NetworkHost[] {
  const spaced = new SpacedSet(network.minHostDistanceKm);
  // A kept host that is too near to another one is not added, as in indexd: it then repels nobody.
  for (const host of verdicts.keptHosts) spaced.add(host);
  const excluded = neighbours(verdicts);
  const mostUnpinned = isOnlyDrain(verdicts.moves)
    ? Math.min(limits.maxUnpinnedPerHost, MOST_UNPINNED_FOR_DRAIN)
    : limits.maxUnpinnedPerHost;
  const eligible = [...network.hosts.values()].filter(
    (host) =>
      host.goodForUpload &&
      host.drain === null &&
      host.hasAppendContract &&
      host.addresses.length > 0 &&
      host.unpinnedSectors <= mostUnpinned &&
      !verdicts.holders.has(host.id) &&
      !excluded.has(host.id) &&
      (!isFull(host) || hasUpload(host)),
  );
  const ordered = weightedOrder(eligible, score, random);
  return [...ordered.filter(hasUpload), ...ordered.filter((host) => !hasUpload(host))].filter((host) =>
    spaced.add(host),
  );
}

/** Hosts of other slabs that share a moved sector: there, two sectors of that other slab would meet. */
function neighbours({ moves }: SectorVerdicts): Set<HostId> {
  return new Set(moves.flatMap(({ sector }) => sector.neighbourHostIds));
}
