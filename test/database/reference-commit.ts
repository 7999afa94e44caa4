/**
 * The readable reference for commit_repair: decides one move at a time with a query per question. It runs in a
 * transaction without concurrent writers, so it needs no locks.
 */
import type { ISql } from "postgres";
import type { CommitMove, CommitRequest, DenialReport } from "../../lib/database/leases/commit-repair.ts";
import { isSuspected } from "../../lib/placement/judge-denials.ts";
import type { HostId, SectorId } from "../../lib/slab/ids.ts";
import { markSectorLost, migrateSector } from "./reference-writes.ts";

export type ReferenceResult =
  | {
      readonly kind: "committed";
      readonly recorded: number[];
      readonly denialsRecorded: number;
      readonly lostRecorded: number;
    }
  | { readonly kind: "already-committed" }
  | { readonly kind: "superseded" };

const some = async (query: PromiseLike<readonly unknown[]>): Promise<boolean> => (await query).length > 0;

/** Decides the moves and writes indexd's tables as indexd's own steps do, except for times and the slab's row. */
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

  let denialsRecorded = 0;
  const confirmed: Location[] = [];
  for (const report of request.denied) {
    const there = await some(sql`
      select 1 from sectors s join slab_sectors ss on ss.sector_id = s.id
      where ss.slab_id = ${slabId} and s.id = ${String(report.sectorId)}
        and s.sector_root = ${Buffer.from(report.root, "hex")} and s.host_id = ${report.hostId}`);
    if (!there) continue;
    denialsRecorded += 1;
    if (await noteDenial(sql, report)) confirmed.push(report);
  }
  for (const { sectorId, hostId } of request.served) {
    await sql`
      delete from slabmend.denials
      where sector_id = ${String(sectorId)} and host_id = ${hostId} and state = 'open' and denials < 3
        and sector_id in (select sector_id from slab_sectors where slab_id = ${slabId})
        and last_denied_at <= (select began_at from slabmend.leases where slab_id = ${slabId})`;
  }

  const accepted: CommitMove[] = [];
  for (const move of request.moves.toSorted((a, b) => a.index - b.index)) {
    const taken = accepted.some(
      (other) => other.newHostId === move.newHostId || other.sectorId === move.sectorId,
    );
    if (!taken && (await mayBeRecorded(sql, slabId, move))) accepted.push(move);
  }
  const moved = accepted.flatMap(({ sectorId, plannedHostId }): Location[] =>
    plannedHostId === null ? [] : [{ sectorId, hostId: plannedHostId }],
  );
  const believed: Location[] = [];
  for (const location of [...moved, ...confirmed]) {
    const isKnown = believed.some(({ sectorId }) => sectorId === location.sectorId);
    if (isKnown || !(await isOpen(sql, location)) || (await hostIsSuspected(sql, location.hostId))) continue;
    const isConfirmed = confirmed.some(({ sectorId }) => sectorId === location.sectorId);
    if (!isConfirmed && !(await isProven(sql, location, request.denied))) continue;
    believed.push(location);
  }
  for (const { sectorId, hostId } of believed) {
    const [row] = await sql<{ root: string }[]>`
      select encode(sector_root, 'hex') as root from sectors where id = ${String(sectorId)}`;
    await markSectorLost(sql, { root: row!.root, hostId });
  }
  for (const move of accepted) await migrateSector(sql, move);
  for (const { sectorId, hostId } of [...moved, ...believed]) {
    await sql`
      update slabmend.denials set state = 'lost' where sector_id = ${String(sectorId)} and host_id = ${hostId}`;
  }
  const recorded = accepted.map((move) => move.index);
  return { kind: "committed", recorded, denialsRecorded, lostRecorded: believed.length };
}

interface Location {
  readonly sectorId: SectorId;
  readonly hostId: HostId;
}

const isOpen = (sql: ISql, { sectorId, hostId }: Location): Promise<boolean> =>
  some(sql`
    select 1 from slabmend.denials d join sectors s on s.id = d.sector_id
    where d.sector_id = ${String(sectorId)} and d.host_id = ${hostId} and d.state = 'open' and s.host_id = d.host_id
      and (s.contract_sectors_map_id = d.map_id or s.contract_sectors_map_id is null and d.map_id is null)
      and s.uploaded_at = d.uploaded_at`);

/** Whether the loss is proven: the host has denied the sector three times, or has served other sectors meanwhile. */
const isProven = async (sql: ISql, { sectorId, hostId }: Location, denied: readonly DenialReport[]) =>
  denied.some((report) => report.sectorId === sectorId && report.hostId === hostId && report.othersServed) ||
  (await some(sql`
    select 1 from slabmend.denials where sector_id = ${String(sectorId)} and host_id = ${hostId} and denials >= 3`));

/** @returns whether a read of the whole sector was denied both now and at least 6 h ago */
async function noteDenial(sql: ISql, report: DenialReport): Promise<boolean> {
  const { sectorId, hostId, code, whole } = report;
  const key = sql`sector_id = ${String(sectorId)} and host_id = ${hostId}`;
  if (!(await isOpen(sql, report))) {
    await sql`delete from slabmend.denials where ${key}`;
    await sql`
      insert into slabmend.denials (sector_id, host_id, root, map_id, uploaded_at, code, denials, whole_denied_at,
        first_denied_at, counted_at, last_denied_at, state)
      select id, host_id, sector_root, contract_sectors_map_id, uploaded_at, ${code}, 1, case when ${whole} then now() end,
        now(), now(), now(), 'open'
      from sectors where id = ${String(sectorId)}`;
    return false;
  }
  const again =
    whole &&
    (await some(
      sql`select 1 from slabmend.denials where ${key} and whole_denied_at <= now() - interval '6 hours'`,
    ));
  await sql`
    update slabmend.denials set denials = denials + 1, counted_at = now()
    where ${key} and counted_at <= now() - interval '1 hour'`;
  await sql`
    update slabmend.denials set code = ${code}, last_denied_at = now(),
      whole_denied_at = coalesce(whole_denied_at, case when ${whole} then now() end)
    where ${key}`;
  return again;
}

async function hostIsSuspected(sql: ISql, hostId: HostId): Promise<boolean> {
  const rows = await sql<{ again: boolean }[]>`
    select last_denied_at - first_denied_at >= interval '6 hours' as again
    from slabmend.denials where host_id = ${hostId} and last_denied_at > now() - interval '1 day'`;
  // `served` is 0, because no test that uses this reference reports scores of hosts.
  return isSuspected({
    denied: rows.length,
    deniedAgain: rows.filter(({ again }) => again).length,
    deniedLately: rows.length,
    served: 0,
  });
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
  // Rule 4: in every slab that has the sector, this slab included, no sector may be on the new host yet, not even the
  // sector that moves.
  const occupied = await some(sql`
    select 1 from slab_sectors mine
    join slab_sectors other on other.slab_id = mine.slab_id
    join sectors s on s.id = other.sector_id
    where mine.sector_id = ${sectorId} and s.host_id = ${move.newHostId}`);
  return !occupied;
}
