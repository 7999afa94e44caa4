import type { ISql } from "postgres";
import { type NetworkSnapshot, readNetworkSnapshot } from "../database/indexd/network-snapshot.ts";
import { readRepairHistory } from "../database/reports/read-repair-history.ts";
import { readSlabStanding } from "../database/reports/read-slab-standing.ts";
import { readSlabs } from "../database/reports/read-slabs.ts";
import { readTime } from "../database/reports/read-time.ts";
import { DEFAULT_THRESHOLDS } from "../jobs/backlog/backlog-settings.ts";
import { marginOf } from "../placement/plan-repair.ts";
import { judgeSectors, type MoveReason } from "../placement/sectors-to-move.ts";
import type { Slab, SlabSector } from "../slab/slab.ts";
import { SCHEMA_VERSION, timeOrNull } from "./fields.ts";
import { describeSlab } from "./slabs.ts";
import type { SlabReport } from "./slabs-schema.ts";

/**
 * One slab, shard by shard. Runs several statements: pass a transaction with one snapshot.
 * @returns undefined if the slab was deleted meanwhile
 */
export async function readSlabReport(tx: ISql, slab: Slab): Promise<SlabReport | undefined> {
  const at = await readTime(tx);
  const standing = await readSlabStanding(tx, slab.id);
  if (standing === undefined) return undefined;
  const { slabs } = await readSlabs(tx, {
    dangerAbove: DEFAULT_THRESHOLDS.dangerAbove,
    onlyInDanger: false,
    mostMargin: null,
    cause: null,
    slabId: slab.id,
    after: null,
    limit: 1,
  });
  const backlog = slabs[0] === undefined ? null : describeSlab(slabs[0]);
  // No minimum distance: it matters only for candidates, and this report chooses none.
  const network = await readNetworkSnapshot(tx, { minHostDistanceKm: 0 });
  const { lease, repair, objects } = standing;
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    id: String(slab.id),
    digest: slab.digest,
    minShards: slab.minShards,
    totalShards: slab.sectors.length,
    margin: marginOf(slab, network),
    consecutiveFailedRepairs: slab.consecutiveFailedRepairs,
    backlog,
    state:
      backlog?.state ?? (lease !== null ? "leased" : repair?.quarantinedUntil ? "quarantined" : "healthy"),
    shards: describeShards(slab, network, (await readRepairHistory(tx, slab.id)).badShards),
    objects: { ...objects, keys: [...objects.keys] },
    nextAttempt: {
      at: standing.nextAttempt.toISOString(),
      writtenBy: standing.isOurs ? "slabmend" : "indexd",
    },
    lease:
      lease === null
        ? null
        : {
            leasedAt: lease.leasedAt.toISOString(),
            sentAt: timeOrNull(lease.sentAt),
            beganAt: timeOrNull(lease.beganAt),
            expiresAt: lease.expiresAt.toISOString(),
            worker: lease.worker,
            throughQueue: lease.throughQueue,
          },
    lastRepair:
      repair === null
        ? null
        : {
            ...repair,
            endedAt: repair.endedAt.toISOString(),
            quarantinedUntil: timeOrNull(repair.quarantinedUntil),
          },
  };
}

/** Pure. */
function describeShards(
  slab: Pick<Slab, "sectors">,
  network: Pick<NetworkSnapshot, "hosts" | "healthyContractIds">,
  badShards: ReadonlySet<number>,
): SlabReport["shards"] {
  const reasons = new Map(
    judgeSectors(slab, network).moves.map(({ sector, reason }) => [sector.index, reason]),
  );
  return slab.sectors.map((sector) => {
    const host = sector.hostId === null ? undefined : network.hosts.get(sector.hostId);
    const reason = reasons.get(sector.index);
    return {
      index: sector.index,
      root: sector.root,
      hostId: sector.hostId,
      hostKey: host?.hostKey ?? null,
      address: host?.addresses[0] ?? null,
      contractId: sector.contractId,
      state: stateOf(sector, reason, badShards),
      why:
        reason !== "bad-host" || host === undefined
          ? []
          : [
              ...(host.blocked ? ["blocked"] : []),
              ...host.usabilityFailures,
              ...(host.hasActiveContract ? [] : ["no-active-contract"]),
            ],
    };
  });
}

function stateOf(
  sector: SlabSector,
  reason: MoveReason | undefined,
  badShards: ReadonlySet<number>,
): SlabReport["shards"][number]["state"] {
  if (badShards.has(sector.index)) return "pinned-wrongly";
  if (reason !== undefined) return reason;
  return sector.contractMapId === null ? "unpinned" : "live";
}
