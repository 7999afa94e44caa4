/**
 * What a repair of a slab would do and what it would cost. The code that decides is the one that a repair uses. Pure.
 */
import type { NetworkHost, NetworkSnapshot } from "../../../database/indexd/network-snapshot.ts";
import type { RepairState } from "../../../database/leases/repair-state.ts";
import { usualReadPrice } from "../../../jobs/repair/usual-read-price.ts";
import { type PlannedMove, planRepair, type Source } from "../../../placement/plan-repair.ts";
import { readSectorCost, writeSectorCost } from "../../../rhp4/costs.ts";
import type { HostKey, Root, SlabDigest, SlabId } from "../../../slab/ids.ts";
import { SECTOR_BYTES } from "../../../slab/sizes.ts";
import type { Slab } from "../../../slab/slab.ts";

interface PlanHost {
  readonly id: number;
  readonly hostKey: HostKey;
  readonly address: string | undefined;
  readonly blocked: boolean;
  readonly usable: boolean;
}

interface PlanMove {
  readonly index: number;
  readonly root: Root;
  readonly reason: PlannedMove["reason"];
  readonly how: "copied" | "rebuilt" | "not-possible";
  readonly from: PlanHost | undefined;
  /** A host that may take the sector; a repair may draw another host. Undefined: no host may take it. */
  readonly to: PlanHost | undefined;
}

export interface PlanReport {
  readonly slabId: SlabId;
  readonly digest: SlabDigest;
  readonly minShards: number;
  readonly totalShards: number;
  readonly verdict: "healthy" | "no-candidates" | "too-few-sources" | "repair";
  /** Sectors on good hosts that did not deny them, minus min_shards. */
  readonly margin: number;
  readonly moves: readonly PlanMove[];
  readonly candidates: number;
  readonly sources: { readonly good: number; readonly lastResort: number };
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Cost of the repair at the prices that indexd's last scan found. */
  readonly hastings: bigint;
  readonly state: RepairState | undefined;
}

export interface PlanInput {
  readonly slab: Slab;
  readonly network: NetworkSnapshot;
  readonly state: RepairState | undefined;
  /** Indices of shards that are known to be pinned wrongly: they can be copied, but not rebuilt. */
  readonly badShards: ReadonlySet<number>;
  readonly copyPriceMultiple: number;
  readonly maxUnpinnedPerHost: number;
  readonly random: () => number;
}

export function planReport({ slab, network, state, badShards, random, ...settings }: PlanInput): PlanReport {
  const plan = planRepair({ slab, network, random, score: () => 1, limits: settings });
  const planned = plan.kind === "healthy" ? [] : plan.moves;
  const candidates = plan.kind === "repair" ? plan.candidates : [];
  const sources =
    plan.kind === "repair" ? plan.sources.filter(({ sector }) => !badShards.has(sector.index)) : [];
  const mostForCopy =
    (usualReadPrice(network) * BigInt(Math.round(settings.copyPriceMultiple * 1_000))) / 1_000n;
  const howOf = ({ sector, copyFrom }: PlannedMove): PlanMove["how"] => {
    if (copyFrom !== null && copyFrom.storedPrices.egressPrice <= mostForCopy) return "copied";
    return badShards.has(sector.index) || sources.length < slab.minShards ? "not-possible" : "rebuilt";
  };
  const moves = planned.map((move, place): PlanMove => {
    const from = move.sector.hostId === null ? undefined : network.hosts.get(move.sector.hostId);
    const to = candidates[place];
    return {
      index: move.sector.index,
      root: move.sector.root,
      reason: move.reason,
      how: howOf(move),
      from: from && describeHost(from),
      to: to && describeHost(to),
    };
  });
  const done = planned.map((move, place) => ({ move, how: moves[place]!.how, to: candidates[place] }));
  const storable = done.filter(({ how, to }) => how !== "not-possible" && to !== undefined);
  const read = hostsToReadFrom(storable, sources, slab.minShards);
  return {
    slabId: slab.id,
    digest: slab.digest,
    minShards: slab.minShards,
    totalShards: slab.sectors.length,
    verdict:
      plan.kind === "repair" && storable.length === 0 && sources.length < slab.minShards
        ? "too-few-sources"
        : plan.kind,
    margin: plan.margin,
    moves,
    candidates: candidates.length,
    sources: {
      good: sources.filter(({ lastResort }) => !lastResort).length,
      lastResort: sources.filter(({ lastResort }) => lastResort).length,
    },
    bytesRead: read.length * SECTOR_BYTES,
    bytesWritten: storable.length * SECTOR_BYTES,
    hastings:
      read.reduce((sum, host) => sum + readSectorCost(host.storedPrices, SECTOR_BYTES), 0n) +
      storable.reduce((sum, { to }) => sum + writeSectorCost(to!.storedPrices, SECTOR_BYTES), 0n),
    state,
  };
}

/**
 * Each copy reads one sector. If any shard is rebuilt, min_shards sectors are read in all; the copied ones count among
 * them.
 */
function hostsToReadFrom(
  moves: readonly { readonly move: PlannedMove; readonly how: PlanMove["how"] }[],
  sources: readonly Source[],
  minShards: number,
): NetworkHost[] {
  const copied = moves.filter(({ how }) => how === "copied").map(({ move }) => move);
  const hosts = copied.flatMap(({ copyFrom }) => (copyFrom === null ? [] : [copyFrom]));
  if (!moves.some(({ how }) => how === "rebuilt")) return hosts;
  const others = sources.filter(({ sector }) => !copied.some((move) => move.sector.index === sector.index));
  return [...hosts, ...others.slice(0, Math.max(0, minShards - copied.length)).map(({ host }) => host)];
}

function describeHost({ id, hostKey, addresses, blocked, usable }: NetworkHost): PlanHost {
  return { id, hostKey, address: addresses[0], blocked, usable };
}
