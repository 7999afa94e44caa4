/**
 * Damages hosts and sectors: at the hosts themselves and, if indexd would have noticed, also in indexd's tables. What
 * indexd writes is described in docs/protocol.md#host-usability, docs/protocol.md#contract-predicates and
 * docs/protocol.md#persisting-a-result.
 */
import type { ISql } from "postgres";
import type { ContractId, HostId, Root, SlabId } from "../../lib/slab/ids.ts";
import { idBytes, parseRoot } from "../../lib/slab/ids.ts";
import { blockHost } from "../indexd/seed-indexd.ts";
import type { HostSwitches } from "../swarm/host-switches.ts";
import { startDrain } from "./drain-hosts.ts";
import type { DamagePlan } from "./plan-damage.ts";
import type { HostFate } from "./plan-losses.ts";
import type { DemoHost } from "./register-hosts.ts";
import type { StoredSlab } from "./store-objects.ts";

/** The ways in which hosts lie to readers. Each liar uses one of them, in turn. indexd considers liars good. */
const LIES: readonly Partial<HostSwitches>[] = [
  { corruptsData: true },
  { sendsWrongProofs: true },
  { servesOtherSector: true },
];

/**
 * Hosts are blocked because they charge more for storage than indexd allows: 4000 SC/TB/month, where the limit is 3000.
 * Their reads cost the same as before.
 */
const DEAR_STORAGE_PRICE = (4_000n * 10n ** 12n) / 4_320n;

/** A sector that must move, and the damage that the demo did to it or to its host. */
export interface DamagedSector {
  readonly slabId: SlabId;
  readonly root: Root;
  /** indexd's reason. */
  readonly reason: string;
  readonly cause: DamageCause;
}

export type DamageCause = Exclude<HostFate, "fine" | "liar" | "forgetful"> | "lost";

export async function inflictDamage(
  sql: ISql,
  plan: Pick<DamagePlan, "placement" | "fates" | "lost">,
  hosts: readonly DemoHost[],
  slabs: readonly StoredSlab[],
): Promise<DamagedSector[]> {
  let liars = 0;
  for (const [number, fate] of plan.fates.entries()) {
    const { swarm, row } = hosts[number]!;
    if (fate === "dead") {
      await swarm.setSwitches({ availability: "offline" });
      await markUnreachable(sql, row.id);
      await blockHost(sql, row.hostKey, ["Uptime"]);
    } else if (fate === "blocked") {
      await markDear(sql, row.id);
      await blockHost(sql, row.hostKey, ["StoragePrice"]);
    } else if (fate === "bad-contract") {
      await markNotRenewed(sql, row.contract!.contractId);
    } else if (fate === "liar") {
      await swarm.setSwitches(LIES[liars % LIES.length]!);
      liars += 1;
    } else if (fate === "forgetful") {
      await swarm.setSwitches({ losesSectors: "all" });
    }
  }
  for (const { slab, index, noticed } of plan.lost) {
    const { row, swarm } = hosts[plan.placement[slab]![index]!]!;
    const root = slabs[slab]!.roots[index]!;
    await swarm.dropSector(root);
    if (noticed) await markSectorLost(sql, row.id, root);
  }
  const drained = hosts.filter((_, number) => plan.fates[number] === "draining");
  if (drained.length > 0) await startDrain(sql, drained);
  return readDamage(sql, plan, slabs);
}

/** Writes what indexd writes when scans of a host fail until its average uptime is below indexd's minimum. */
export async function markUnreachable(sql: ISql, hostId: HostId): Promise<void> {
  await sql`
    update hosts set recent_uptime = 0.5, consecutive_failed_scans = 8, last_failed_scan = now(),
      scans = scans + 8, scans_failed = scans_failed + 8
    where id = ${hostId}`;
}

export async function markDear(sql: ISql, hostId: HostId): Promise<void> {
  await sql`
    update hosts set settings_storage_price = ${String(DEAR_STORAGE_PRICE)}::numeric,
      settings_collateral = ${String(2n * DEAR_STORAGE_PRICE)}::numeric
    where id = ${hostId}`;
}

/**
 * Makes a contract look as if it was not renewed in the first half of its renew window. indexd gives up such a
 * contract, and also the contract's host if the host has no other contract.
 */
export async function markNotRenewed(sql: ISql, contractId: ContractId): Promise<void> {
  await sql`
    update contracts c set good = false, proof_height = g.scanned_height + g.contracts_renew_window / 2 - 1
    from global_settings g where c.contract_id = ${idBytes(contractId)}`;
}

/** Marks one sector on a good host as lost and changes the statistics, as indexd's MarkSectorsLost does. */
export async function markSectorLost(sql: ISql, hostId: HostId, root: Root): Promise<void> {
  await sql`
    with hit as (
      update sectors s set host_id = null, contract_sectors_map_id = null
      where s.sector_root = ${idBytes(root)} and s.host_id = ${hostId}
      returning old.contract_sectors_map_id is not null as pinned
    ), blamed as (
      update hosts h set lost_sectors = h.lost_sectors + 1, unpinned_sectors = h.unpinned_sectors - (not hit.pinned)::integer
      from hit where h.id = ${hostId}
    )
    insert into stats_deltas (stat_name, stat_delta)
    select delta.name, delta.n
    from hit cross join lateral (values
      (case when hit.pinned then 'num_pinned_sectors' else 'num_unpinned_sectors' end, -1),
      ('num_unpinnable_sectors', 1), ('num_sectors_lost', 1)) as delta (name, n)`;
}

/** Reads from the database which sectors have to move now, and takes the cause of each from the plan. */
async function readDamage(
  sql: ISql,
  plan: Pick<DamagePlan, "placement" | "fates">,
  slabs: readonly StoredSlab[],
): Promise<DamagedSector[]> {
  const rows = await sql<{ slab_id: string; slab_index: number; root: string; reason: string }[]>`
    select m.slab_id::text, m.slab_index, encode(s.sector_root, 'hex') as root, m.reason
    from slabmend.sectors_to_move(array(select id from slabs)) m join sectors s on s.id = m.sector_id
    order by m.slab_id, m.slab_index`;
  return rows.map((row) => {
    const slab = slabs.findIndex(({ id }) => String(id) === row.slab_id);
    const fate = plan.fates[plan.placement[slab]![row.slab_index]!]!;
    const looksGood = fate === "fine" || fate === "liar" || fate === "forgetful";
    const cause = row.reason === "lost" || looksGood ? "lost" : fate;
    return { slabId: slabs[slab]!.id, root: parseRoot(row.root), reason: row.reason, cause };
  });
}
