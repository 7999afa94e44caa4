/** Leases made by hand, and commit requests for them, so that tests of the commit need no claim. */
import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import type { CommitMove, CommitRequest } from "../../lib/database/leases/commit-repair.ts";
import type { ContractId, LeaseToken } from "../../lib/slab/ids.ts";
import type { SeededHost, SeededSlab } from "../support/seed-indexd.ts";

/** Inserts a lease as claim does; by default its repair has begun, as after begin. */
export async function leaseByHand(
  sql: Sql,
  slab: SeededSlab,
  options: { readonly running?: boolean; readonly expired?: boolean } = {},
): Promise<LeaseToken> {
  const token = randomUUID() as LeaseToken;
  const running = options.running ?? true;
  const expiresIn = options.expired === true ? "-1 second" : "2 minutes";
  await sql`
    with held as (
      update slabs set next_repair_attempt = clock_timestamp() + interval '17 minutes'
      where id = ${String(slab.id)} returning next_repair_attempt
    )
    insert into slabmend.leases
      (slab_id, digest, token, leased_at, held_until, sending_since, sent_at, began_at, worker, expires_at, margin)
    select ${String(slab.id)}, ${Buffer.from(slab.digest, "hex")}, ${token}, clock_timestamp() - interval '10 seconds',
      next_repair_attempt, clock_timestamp(), clock_timestamp(),
      case when ${running} then clock_timestamp() end, case when ${running} then 'worker-1' end,
      clock_timestamp() + ${expiresIn}::interval, 0
    from held`;
  return token;
}

/** Plans moves of sectors from their current locations; a deleted sector gets no move. */
export async function movesFromHere(
  sql: Sql,
  slab: SeededSlab,
  to: ReadonlyArray<readonly [index: number, host: SeededHost]>,
): Promise<CommitMove[]> {
  const moves: CommitMove[] = [];
  for (const [index, host] of to) {
    const { id, root } = slab.sectors[index]!;
    const [row] = await sql<{ host_id: number | null; map_id: number | null; contract: string | null }[]>`
      select s.host_id, s.contract_sectors_map_id as map_id, encode(m.contract_id, 'hex') as contract
      from sectors s left join contract_sectors_map m on m.id = s.contract_sectors_map_id where s.id = ${String(id)}`;
    if (row === undefined) continue;
    moves.push({
      index,
      root,
      sectorId: id,
      plannedHostId: row.host_id as CommitMove["plannedHostId"],
      plannedMapId: row.map_id as CommitMove["plannedMapId"],
      plannedContractId: row.contract as ContractId | null,
      newHostId: host.id,
      how: "rebuilt",
    });
  }
  return moves;
}

export function requestOf(
  slab: SeededSlab,
  token: LeaseToken,
  rest: Partial<CommitRequest> = {},
): CommitRequest {
  return {
    slabId: slab.id,
    digest: slab.digest,
    token,
    worker: "worker-1",
    kind: "repair",
    outcome: { kind: "repaired" },
    moves: [],
    denied: [],
    served: [],
    badShards: [],
    bytesRead: 41_943_040,
    bytesWritten: 4_194_304,
    hastings: 10n ** 30n,
    phasesMs: { fetch: 12.5 },
    ...rest,
  };
}

/** The columns in indexd's tables that a repair may write, in a fixed order of rows. */
export async function indexdState(sql: Sql): Promise<unknown> {
  return {
    slabs:
      await sql`select id::text, next_repair_attempt::text, consecutive_failed_repairs from slabs order by id`,
    sectors: await sql`
      select id::text, host_id, contract_sectors_map_id, consecutive_failed_checks, num_migrated, uploaded_at::text
      from sectors order by id`,
    hosts: await sql`select id, lost_sectors, unpinned_sectors from hosts order by id`,
    deltas:
      await sql`select stat_name, sum(stat_delta)::text from stats_deltas group by stat_name order by stat_name`,
    events: await sql`select object_key, account_id, updated_at::text from object_events order by 1, 2`,
  };
}
