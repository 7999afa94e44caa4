import type { NetworkHost, NetworkSnapshot } from "../database/indexd/network-snapshot.ts";
import type { Slab, SlabSector } from "../slab/slab.ts";
import { chooseCandidates, type HostWeight, type PlacementLimits } from "./choose-candidates.ts";
import { isGoodHost, judgeSectors, type MoveReason } from "./sectors-to-move.ts";
import { weightedOrder } from "./weighted-order.ts";

export interface PlannedMove {
  readonly sector: SlabSector;
  readonly reason: MoveReason;
  /** The host that has the sector now and may still respond, even if it is blocked, unusable or without a contract. */
  readonly copyFrom: NetworkHost | null;
  /**
   * The sector moves only because the host `copyFrom` denied it: if this host now serves the whole sector, the sector
   * stays there.
   */
  readonly staysIfServed: boolean;
}

/** After this many counted denials a sector stays bad: clear-denials.sql no longer clears them. */
export const BAD_FOR_GOOD = 3;

/** A sector that can be read for a rebuild. */
export interface Source {
  readonly sector: SlabSector;
  readonly host: NetworkHost;
  /**
   * True: the host is blocked or unusable, so indexd would not read there; or the host denied the sector; or it is an
   * earlier location of the sector. Such a source is read only if the other sources do not suffice.
   */
  readonly lastResort: boolean;
}

interface Planned {
  /** {@link marginOf} */
  readonly margin: number;
}

export type RepairPlan =
  | (Planned & { readonly kind: "healthy" })
  | (Planned & { readonly kind: "no-candidates"; readonly moves: readonly PlannedMove[] })
  | (Planned & {
      readonly kind: "repair";
      readonly moves: readonly PlannedMove[];
      /**
       * Hosts that may take the moved sectors, in random order weighted by score, far enough from each other and from
       * the hosts of the sectors that stay. If there is no such host, the repair can only ask hosts for the sectors
       * with `staysIfServed`.
       */
      readonly candidates: readonly NetworkHost[];
      /**
       * Where sectors of the slab can be read, including the sectors to be moved. A sector may appear several times:
       * on its present host and on earlier hosts. In random order weighted by score, last resorts at the end. May be
       * fewer than `min_shards`.
       */
      readonly sources: readonly Source[];
    });

export interface PlanRequest {
  readonly slab: Slab;
  readonly network: NetworkSnapshot;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Weight of sources and candidates. */
  readonly score: HostWeight;
  /** Hosts that are no candidates because they recently refused a sector for lack of space. Default: none. */
  readonly isFull?: (host: NetworkHost) => boolean;
  /** Candidates that may have a sector of the slab already, from a repair that did not commit. Default: none. */
  readonly hasUpload?: (host: NetworkHost) => boolean;
  readonly limits: PlacementLimits;
}

/**
 * Number of a slab's sectors on good hosts that did not deny them, under any contract, minus its `min_shards`: how many
 * more sectors the slab can lose. The backlog counts in the same way (lib/jobs/backlog/judge-slab.ts). Negative: only
 * hosts that are not good can save the slab.
 */
export function marginOf(slab: Pick<Slab, "sectors" | "minShards">, network: NetworkSnapshot): number {
  const onGoodHosts = slab.sectors.filter(({ hostId, denials }) => {
    if (denials > 0) return false;
    const host = hostId === null ? undefined : network.hosts.get(hostId);
    return host !== undefined && isGoodHost(host);
  });
  return onGoodHosts.length - slab.minShards;
}

/**
 * Decides which sectors of a slab move, where they may go and which sources they can be made from. Pure: the same
 * request with the same random numbers gives the same plan. Accepts any slab, even one without sectors or with more
 * `min_shards` than sectors; whether the sources suffice is known only when they are read.
 */
export function planRepair(request: PlanRequest): RepairPlan {
  const { slab, network, random, score, isFull = () => false, hasUpload = () => false, limits } = request;
  const margin = marginOf(slab, network);
  const verdicts = judgeSectors(slab, network);
  if (verdicts.moves.length === 0) return { kind: "healthy", margin };
  const staying = stayingIfServed(slab, network);
  const wanted = verdicts.moves.map(
    ({ sector, reason }): PlannedMove => ({
      sector,
      reason,
      copyFrom: holderOf(sector, network),
      staysIfServed: reason === "denied" && staying.has(sector.index),
    }),
  );
  const candidates = chooseCandidates({ verdicts, network, limits, score, isFull, hasUpload, random });
  const moves = withoutCrowding(wanted, candidates.length);
  if (candidates.length === 0 && !moves.some(({ staysIfServed }) => staysIfServed))
    return { kind: "no-candidates", margin, moves };
  return { kind: "repair", margin, moves, candidates, sources: sourcesOf(slab, network, score, random) };
}

/**
 * Number of candidates that a drain's moves leave free, in addition to one candidate for each other move, in case
 * hosts refuse sectors.
 */
const RESERVED_CANDIDATES = 2;

/**
 * A drain's moves must not use candidates that other moves need: the drain's moves come last, and no more of them are
 * planned than there are spare candidates. The drain's remaining moves wait for the next repair.
 */
function withoutCrowding(moves: readonly PlannedMove[], candidates: number): readonly PlannedMove[] {
  const others = moves.filter(({ reason }) => reason !== "draining");
  if (others.length === 0) return moves;
  const spare = Math.max(0, candidates - others.length - RESERVED_CANDIDATES);
  return [...others, ...moves.filter(({ reason }) => reason === "draining").slice(0, spare)];
}

/** Indices of the sectors that would stay if every denial were cleared that can still be cleared. */
function stayingIfServed(slab: Slab, network: NetworkSnapshot): Set<number> {
  const sectors = slab.sectors.map((sector) =>
    sector.denials < BAD_FOR_GOOD ? { ...sector, denials: 0 } : sector,
  );
  const moving = new Set(judgeSectors({ sectors }, network).moves.map(({ sector }) => sector.index));
  return new Set(slab.sectors.map(({ index }) => index).filter((index) => !moving.has(index)));
}

/** The sector's host; null if the sector is lost, or if the host has no known address. */
function holderOf(sector: SlabSector, network: NetworkSnapshot): NetworkHost | null {
  const host = sector.hostId === null ? undefined : network.hosts.get(sector.hostId);
  return host === undefined || host.addresses.length === 0 ? null : host;
}

function sourcesOf(slab: Slab, network: NetworkSnapshot, score: HostWeight, random: () => number): Source[] {
  const readable = slab.sectors.flatMap((sector): Source[] => {
    const host = holderOf(sector, network);
    const earlier = sector.earlierHostIds.flatMap((id): Source[] => {
      const there = network.hosts.get(id);
      return there === undefined || there.addresses.length === 0
        ? []
        : [{ sector, host: there, lastResort: true }];
    });
    if (host === null) return earlier;
    return [{ sector, host, lastResort: host.blocked || !host.usable || sector.denials > 0 }, ...earlier];
  });
  // In weighted random order, so that workers whose slabs are on the same hosts do not all read from the same host
  // first.
  const ordered = weightedOrder(readable, ({ host }) => score(host), random);
  return [
    ...ordered.filter((source) => !source.lastResort),
    ...ordered.filter((source) => source.lastResort),
  ];
}
