/**
 * What a commit must do, decided one move at a time with a query for each question: the readable reference for
 * commit_repair. It runs in a transaction of its own that nobody disturbs, so it needs no locks.
 */
import type { ISql } from "postgres";
import type { CommitMove, CommitRequest } from "../../lib/database/leases/commit-repair.ts";
import { markSectorLost, migrateSector } from "./reference-writes.ts";

export type ReferenceResult =
  | { readonly kind: "committed"; readonly recorded: number[]; readonly lostRecorded: number }
  | { readonly kind: "already-committed" }
  | { readonly kind: "superseded" };

const some = async (query: PromiseLike<readonly unknown[]>): Promise<boolean> => (await query).length > 0;

/** Decides, and writes indexd's tables as indexd's own steps do; times and the slab's row aside. */
export async function referenceCommit(sql: ISql, request: CommitRequest): Promise<ReferenceResult> {
  const slabId = String(request.slabId);
  const { token } = request;
  if (
    await some(
      sql`select 1 from slabmend.journal where token = ${token} and outcome not in ('crashed', 'superseded')`,
    )
  ) {
    return { kind: "already-committed" };
  }
  const fenced = await some(sql`
    select 1 from slabmend.leases l join slabs s on s.id = l.slab_id
    where l.slab_id = ${slabId} and l.token = ${token} and l.began_at is not null
      and s.digest = ${Buffer.from(request.digest, "hex")} and s.next_repair_attempt = l.held_until`);
  if (!fenced || request.outcome.kind === "stale") return { kind: "superseded" };

  let lostRecorded = 0;
  for (const report of request.lost) {
    const there = await some(sql`
      select 1 from sectors s join slab_sectors ss on ss.sector_id = s.id
      where ss.slab_id = ${slabId} and s.id = ${String(report.sectorId)}
        and s.sector_root = ${Buffer.from(report.root, "hex")} and s.host_id = ${report.hostId}`);
    if (!there) continue;
    lostRecorded += 1;
    await markSectorLost(sql, report);
  }

  const accepted: CommitMove[] = [];
  for (const move of request.moves.toSorted((a, b) => a.index - b.index)) {
    const taken = accepted.some(
      (other) => other.newHostId === move.newHostId || other.sectorId === move.sectorId,
    );
    if (!taken && (await mayBeRecorded(sql, slabId, move))) accepted.push(move);
  }
  for (const move of accepted) await migrateSector(sql, move);
  return { kind: "committed", recorded: accepted.map((move) => move.index), lostRecorded };
}

async function mayBeRecorded(sql: ISql, slabId: string, move: CommitMove): Promise<boolean> {
  const sectorId = String(move.sectorId);
  const [sector] = await sql<{ host_id: number | null; map_id: number | null; contract: string | null }[]>`
    select s.host_id, s.contract_sectors_map_id as map_id, encode(m.contract_id, 'hex') as contract
    from slab_sectors ss join sectors s on s.id = ss.sector_id
    left join contract_sectors_map m on m.id = s.contract_sectors_map_id
    where ss.slab_id = ${slabId} and ss.slab_index = ${move.index} and s.id = ${sectorId}
      and s.sector_root = ${Buffer.from(move.root, "hex")}`;
  if (sector === undefined) return false;
  // Rule 3.
  const asPlanned =
    sector.host_id === move.plannedHostId &&
    sector.map_id === move.plannedMapId &&
    sector.contract === move.plannedContractId;
  if (sector.host_id !== null && !asPlanned) return false;
  const mustMove = await some(sql`
    select 1 from slabmend.sectors_to_move(array[${slabId}::bigint]) where sector_id = ${sectorId}`);
  if (!mustMove) return false;
  // Rule 5.
  const goodHost = await some(sql`
    select 1 from hosts h
    where h.id = ${move.newHostId}
      and h.public_key not in (select public_key from hosts_blocklist)
      and h.id in (
        select host_id from contracts
        where good and state in (0, 1) and renewed_to is null
          and proof_height > (select scanned_height from global_settings))`);
  if (!goodHost) return false;
  // Rule 4, in every slab that has the sector, this one included; the sector itself counts as well.
  const occupied = await some(sql`
    select 1 from slab_sectors mine
    join slab_sectors other on other.slab_id = mine.slab_id
    join sectors s on s.id = other.sector_id
    where mine.sector_id = ${sectorId} and s.host_id = ${move.newHostId}`);
  return !occupied;
}
