/** How long indexd's own writes take, first alone, then while a walk and claims run. */
import { setTimeout as wait } from "node:timers/promises";
import type { Sql } from "postgres";
import { systemClock } from "../../lib/clock/clock.ts";
import { leaseBatch } from "../../lib/database/leases/lease-batch.ts";
import { DEFAULT_WALK_SETTINGS } from "../../lib/jobs/backlog/backlog-settings.ts";
import { walkBacklog } from "../../lib/jobs/backlog/walk.ts";
import type { GeneratedIndexd } from "./generate-indexd.ts";
import { client, request } from "./lease-rates.ts";
import { percentiles, timed } from "./samples.ts";

/**
 * The pause between two writes, as long as in a busy indexd. With a shorter pause, the times would only show the
 * contention for the machine's two cores.
 */
const PAUSE_MS = 20;
const PINNED_AT_ONCE = 100;

/** Like indexd's PinSectors: pins the host's oldest unpinned sectors, and locks them in the order of their roots. */
async function pin(sql: Sql, hostId: number, mapId: number): Promise<void> {
  await sql.begin(async (tx) => {
    const updated = await tx`
      with chosen as (
        select id from sectors where host_id = ${hostId} and contract_sectors_map_id is null
        order by uploaded_at limit ${PINNED_AT_ONCE}
      ), locked as (
        select s.id from sectors s join chosen using (id) order by s.sector_root for no key update of s
      )
      update sectors s set contract_sectors_map_id = ${mapId} from locked l where l.id = s.id`;
    await tx`update hosts set unpinned_sectors = greatest(unpinned_sectors - ${updated.count}, 0) where id = ${hostId}`;
    await tx`insert into stats_deltas (stat_name, stat_delta) values ('num_pinned_sectors', ${updated.count}), ('num_unpinned_sectors', ${-updated.count})`;
  });
}

/** Like indexd's MigrateSector: moves a sector to the host, unless the sector is lost. */
async function migrate(sql: Sql, sectorId: number, hostId: number): Promise<void> {
  await sql.begin(async (tx) => {
    const [row] = await tx`select id, host_id from sectors where id = ${sectorId} for update`;
    if (row?.["host_id"] == null) return;
    await tx`
      update sectors set host_id = ${hostId}, contract_sectors_map_id = null, num_migrated = num_migrated + 1, uploaded_at = now()
      where id = ${sectorId}`;
    await tx`update hosts set unpinned_sectors = unpinned_sectors + 1 where id = ${hostId}`;
    await tx`insert into stats_deltas (stat_name, stat_delta) values ('num_migrated_sectors', 1), ('num_pinned_sectors', -1), ('num_unpinned_sectors', 1)`;
  });
}

async function writeAsIndexd(url: string, indexd: GeneratedIndexd, seconds: number) {
  const pinning: number[] = [];
  const migration: number[] = [];
  const endsAt = performance.now() + seconds * 1000;
  const hosts = indexd.hosts.slice(Math.ceil(indexd.hosts.length / 8));
  const someHost = () => hosts[Math.floor(Math.random() * hosts.length)]!;
  const sectors = indexd.scale.slabs * indexd.scale.shards;
  await Promise.all([
    (async () => {
      const sql = client(url);
      while (performance.now() < endsAt) {
        const host = someHost();
        await timed(pinning, () => pin(sql, host.id, host.contract!.mapId));
        await wait(PAUSE_MS);
      }
      await sql.end();
    })(),
    (async () => {
      const sql = client(url);
      while (performance.now() < endsAt) {
        const sectorId = 1 + Math.floor(Math.random() * sectors);
        await timed(migration, () => migrate(sql, sectorId, someHost().id));
        await wait(PAUSE_MS);
      }
      await sql.end();
    })(),
  ]);
  return { pinning: percentiles(pinning), migration: percentiles(migration) };
}

export async function disturbIndexd(url: string, indexd: GeneratedIndexd, seconds: number) {
  const without = await writeAsIndexd(url, indexd, seconds);
  const endsAt = performance.now() + seconds * 1000;
  let [sectors, leases, foreignLocks] = [0, 0, 0];
  const walker = client(url);
  const claimer = client(url);
  const watcher = client(url);
  const [backend] = await walker<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const [beside] = await Promise.all([
    writeAsIndexd(url, indexd, seconds),
    (async () => {
      while (performance.now() < endsAt) {
        const left = endsAt - performance.now();
        sectors += (
          await walkBacklog(
            { ask: (statements) => statements(walker), clock: systemClock },
            { ...DEFAULT_WALK_SETTINGS, everyMs: 0 },
            left,
          )
        ).sectors;
      }
    })(),
    (async () => {
      while (performance.now() < endsAt) {
        leases += (await leaseBatch(claimer, request)).leases.length;
        await wait(100);
      }
    })(),
    (async () => {
      while (performance.now() < endsAt) {
        const [row] = await watcher<{ n: number }[]>`
          select count(*)::integer as n from pg_locks l join pg_class c on c.oid = l.relation
          where l.pid = ${backend!.pid} and c.relnamespace = 'public'::regnamespace and l.mode <> 'AccessShareLock'`;
        foreignLocks += row!.n;
        await wait(5);
      }
    })(),
  ]);
  for (const sql of [walker, claimer, watcher]) await sql.end();
  return {
    without,
    beside,
    meanwhile: { sectorsWalked: sectors, leases, walkerLocksOnIndexdsTables: foreignLocks },
  };
}
