import type { NetworkHost, NetworkSnapshot } from "../database/indexd/network-snapshot.ts";
import type { HostId } from "../slab/ids.ts";
import { isOnlyDrain, type SectorVerdicts } from "./sectors-to-move.ts";
import { SpacedSet } from "./spaced-set.ts";
import { weightedOrder } from "./weighted-order.ts";

/**
 * A host with more unpinned sectors than this takes no sectors that only a drain moves: they are safe where they are.
 * indexd pins all of a host's sectors every two minutes, so a host has more unpinned sectors only if indexd falls
 * behind. Sectors that are not pinned in time are lost: this limit bounds the number of sectors that a drain can lose
 * on one host.
 */
const MOST_UNPINNED_FOR_DRAIN = 1_000;

export interface PlacementLimits {
  /**
   * A host with more unpinned sectors than this takes no further sectors: indexd pins at most 262144 sectors of a host
   * in one pass, and a sector that stays unpinned for three days is lost
   * (docs/protocol.md#what-happens-after-a-migration).
   */
  readonly maxUnpinnedPerHost: number;
}

/** Better hosts have a higher weight. The caller defines what the weights measure; only their ratios count. */
export type HostWeight = (host: NetworkHost) => number;

export interface CandidateChoice {
  readonly verdicts: SectorVerdicts;
  readonly network: Pick<NetworkSnapshot, "hosts" | "minHostDistanceKm">;
  readonly limits: PlacementLimits;
  readonly score: HostWeight;
  /** Whether the host refused a sector for lack of space a few minutes ago. */
  readonly isFull: (host: NetworkHost) => boolean;
  /**
   * Whether the host may have a sector that an earlier repair of the slab stored without a commit: such a host comes
   * first and needs no room.
   */
  readonly hasUpload: (host: NetworkHost) => boolean;
  readonly random: () => number;
}

/**
 * Hosts that may take a moved sector, in a random order weighted by score. They are far enough from each other and
 * from the hosts whose sectors stay, so each may take any of the moved sectors.
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
  // As in indexd, a kept host that is too close to another kept host does not join the set. So a candidate may be close
  // to such a host.
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

/**
 * The hosts of the other slabs that contain a moved sector. The sector must not move to a host of such a slab: the host
 * would then have two sectors of that slab.
 */
function neighbours({ moves }: SectorVerdicts): Set<HostId> {
  return new Set(moves.flatMap(({ sector }) => sector.neighbourHostIds));
}
