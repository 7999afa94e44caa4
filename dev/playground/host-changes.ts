/** Applies the prompt's commands to a host and, if indexd would notice, to indexd's tables. */
import type { ISql, Sql } from "postgres";
import { idBytes, type Root } from "../../lib/slab/ids.ts";
import { markDear, markNotRenewed, markSectorLost, markUnreachable } from "../demo/inflict-damage.ts";
import { type DemoHost, PROOF_HEIGHT } from "../demo/register-hosts.ts";
import { blockHost } from "../indexd/seed-indexd.ts";
import { HEALTHY_SWITCHES } from "../swarm/host-switches.ts";
import { DEFAULT_PRICES } from "../swarm/swarm.ts";
import type { HostVerb } from "./commands.ts";

const SECTORS_TO_LOSE = 3;

/** @returns a sentence that says what was done */
export async function changeHost(sql: Sql, verb: HostVerb, host: DemoHost): Promise<string> {
  const { number, swarm, row } = host;
  switch (verb) {
    case "stop":
      await swarm.setSwitches({ availability: "offline" });
      await markUnreachable(sql, row.id);
      await blockHost(sql, row.hostKey, ["Uptime"]);
      return `host ${number} is offline, and indexd has blocked it`;
    case "block":
      await markDear(sql, row.id);
      await blockHost(sql, row.hostKey, ["StoragePrice"]);
      return `indexd has blocked host ${number}, which still answers`;
    case "expire":
      await markNotRenewed(sql, row.contract!.contractId);
      return `the contract of host ${number} was not renewed`;
    case "corrupt":
      await swarm.setSwitches({ corruptsData: true });
      return `host ${number} answers reads with wrong bytes; indexd does not know`;
    case "forget":
      await swarm.setSwitches({ losesSectors: "all" });
      return `host ${number} says that it has no sector; indexd does not know`;
    case "lose":
      return `host ${number} has lost ${await loseSectors(sql, host)} sectors, and indexd has noticed`;
    case "slow":
      await swarm.setSwitches({ latencyMs: 25, bytesPerSecond: 1_000_000 });
      return `host ${number} answers from 50 ms away, at 1 MB/s`;
    case "fill":
      await swarm.setSwitches({ full: true });
      return `host ${number} has no space left; indexd does not know`;
    case "heal":
      await healHost(sql, host);
      return `host ${number} is healthy again`;
  }
}

/**
 * Drops only sectors that the database records on the host. The host may also keep copies that the database does not
 * record, but losing these would damage no slab.
 */
async function loseSectors(sql: ISql, { swarm, row }: DemoHost): Promise<number> {
  const rows = await sql<{ root: Root }[]>`
    select encode(sector_root, 'hex') as root from sectors where host_id = ${row.id} order by id limit ${SECTORS_TO_LOSE}`;
  for (const { root } of rows) {
    await swarm.dropSector(root);
    await markSectorLost(sql, row.id, root);
  }
  return rows.length;
}

async function healHost(sql: Sql, { swarm, row }: DemoHost): Promise<void> {
  await swarm.setSwitches(HEALTHY_SWITCHES);
  const key = idBytes(row.hostKey);
  await sql.begin(async (tx) => {
    await tx`delete from hosts_blocklist where public_key = ${key}`;
    await tx`
      update hosts set recent_uptime = 0.99, consecutive_failed_scans = 0, last_successful_scan = now(),
        settings_storage_price = ${String(DEFAULT_PRICES.storagePrice)}::numeric, settings_collateral = ${String(DEFAULT_PRICES.collateral)}::numeric
      where id = ${row.id}`;
    await tx`update contracts set good = true, proof_height = ${String(PROOF_HEIGHT)} where host_id = ${row.id}`;
  });
}

/** The current state of each host in indexd's tables, by host id. */
export async function readHostRows(sql: ISql) {
  return sql<{ host_id: number; good: boolean; blocked: boolean; contract: boolean; sectors: number }[]>`
    select h.host_id, h.good, h.blocked, h.has_healthy_contract as contract,
      (select count(*)::integer from sectors s where s.host_id = h.host_id) as sectors
    from slabmend.host_states() h order by h.host_id`;
}
