/**
 * Measures whole commits, one after the other. Each commit has the two steps of a worker's commit: commit_repair, then
 * the bump of the objects' events.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Sql } from "postgres";
import { flushMoved } from "../../lib/database/indexd/bump-events.ts";
import { type CommitRequest, commitRepair } from "../../lib/database/leases/commit-repair.ts";
import type { ContractId, HostId, Root, SectorId } from "../../lib/slab/ids.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../lib/slab/ids.ts";
import { cpuMilliseconds } from "../process-usage.ts";
import type { GeneratedIndexd } from "./generate-indexd.ts";
import { client } from "./lease-rates.ts";
import { percentiles, round, timed } from "./samples.ts";

const HOLD_HOURS = 10;
const SAMPLE_EVERY_MS = 20;

/**
 * Leases up to `count` slabs with a lost sector. For each slab, returns the request with which a worker commits one
 * rebuilt sector.
 */
async function prepare(
  sql: Sql,
  where: { readonly least: number; readonly most: number },
  count: number,
): Promise<CommitRequest[]> {
  const rows = await sql<
    {
      slab_id: string;
      digest: string;
      token: string;
      sector_id: string;
      index: number;
      root: string;
      host: number;
    }[]
  >`
    with chosen as (
      select s.id, s.digest from slabs s
      where s.id between ${where.least} and ${where.most} and not exists (select from slabmend.leases l where l.slab_id = s.id)
        and exists (select from slab_sectors ss join sectors x on x.id = ss.sector_id where ss.slab_id = s.id and x.host_id is null)
      order by hashint8(s.id) limit ${count}
    ), held as (
      update slabs s set next_repair_attempt = clock_timestamp() + make_interval(hours => ${HOLD_HOURS})
      from chosen c where c.id = s.id returning s.id, s.next_repair_attempt
    ), leased as (
      insert into slabmend.leases (slab_id, digest, leased_at, held_until, sending_since, sent_at, began_at, worker, expires_at, margin)
      select c.id, c.digest, clock_timestamp(), h.next_repair_attempt, clock_timestamp(), clock_timestamp(), clock_timestamp(), 'bench', h.next_repair_attempt, 5
      from chosen c join held h on h.id = c.id
      returning slab_id, digest, token
    )
    select l.slab_id::text, encode(l.digest, 'hex') as digest, l.token::text, bad.id::text as sector_id, bad.slab_index as index,
      encode(bad.sector_root, 'hex') as root, target.id as host
    from leased l
    cross join lateral (
      select x.id, x.sector_root, ss.slab_index from slab_sectors ss join sectors x on x.id = ss.sector_id
      where ss.slab_id = l.slab_id and x.host_id is null limit 1
    ) bad
    cross join lateral (
      select array_agg(x.host_id) as ids
      from slab_sectors ss join sectors x on x.id = ss.sector_id where ss.slab_id = l.slab_id and x.host_id is not null
    ) held_by
    cross join lateral (
      select g.id
      from unnest(array(
        select h.id from hosts h where not exists (select from hosts_blocklist b where b.public_key = h.public_key))) g (id)
      where g.id <> all (held_by.ids) order by hashint8(l.slab_id + g.id) limit 1
    ) target`;
  return rows.map((row) => ({
    slabId: parseSlabId(row.slab_id),
    digest: parseSlabDigest(row.digest),
    token: parseLeaseToken(row.token),
    worker: "bench",
    kind: "repair",
    outcome: { kind: "partial-deadline" },
    moves: [
      {
        index: row.index,
        root: row.root as Root,
        sectorId: BigInt(row.sector_id) as SectorId,
        plannedHostId: null,
        plannedMapId: null,
        plannedContractId: null as ContractId | null,
        newHostId: row.host as HostId,
        how: "rebuilt",
      },
    ],
    denied: [],
    served: [],
    badShards: [],
    bytesRead: 41_943_040,
    bytesWritten: 4_194_304,
    hastings: 10n ** 21n,
    phasesMs: { fetch: 1000 },
  }));
}

async function deadTuples(sql: Sql): Promise<Map<string, number>> {
  await sql`select pg_stat_clear_snapshot()`;
  const rows = await sql<{ name: string; dead: number }[]>`
    select schemaname || '.' || relname as name, (n_tup_upd + n_tup_del)::float8 as dead from pg_stat_user_tables`;
  return new Map(rows.map(({ name, dead }) => [name, dead]));
}

export async function commitTogether(
  url: string,
  indexd: GeneratedIndexd,
  options: { readonly workers: number; readonly objects: "one" | "many"; readonly commits: number },
) {
  const watcher = client(url);
  const { slabsOfOneObject, scale } = indexd;
  const where =
    options.objects === "one"
      ? { least: 1, most: slabsOfOneObject }
      : { least: slabsOfOneObject + 1, most: scale.slabs };
  const requests = await prepare(watcher, where, options.commits);
  const total = requests.length;
  const workers = Array.from({ length: options.workers }, () => client(url));
  const backends = await Promise.all(
    workers.map(async (sql) => {
      const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid, pg_stat_force_next_flush()`;
      return row!.pid;
    }),
  );
  const backendsCpuMs = async (): Promise<number> =>
    (await Promise.all(backends.map(cpuMilliseconds))).reduce((sum, milliseconds) => sum + milliseconds, 0);
  const before = await deadTuples(watcher);
  const commits: number[] = [];
  const events: number[] = [];
  let recorded = 0;
  let done = false;
  const waits = new Map<string, number>();
  const watching = (async () => {
    while (!done) {
      const rows = await watcher<{ what: string; n: number }[]>`
        select coalesce(wait_event_type || ': ' || wait_event, 'running') as what, count(*)::integer as n
        from pg_stat_activity
        where state = 'active' and pid <> pg_backend_pid() and datname = current_database() and backend_type = 'client backend' group by 1`;
      for (const { what, n } of rows) waits.set(what, (waits.get(what) ?? 0) + n);
      await wait(SAMPLE_EVERY_MS);
    }
  })();
  const backendsBefore = await backendsCpuMs();
  const clientsBefore = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(
    workers.map(async (sql) => {
      for (let next = requests.pop(); next !== undefined; next = requests.pop()) {
        const request = next;
        const result = await timed(commits, () => commitRepair(sql, request));
        if (result.kind === "committed") recorded += result.recorded.length;
        await timed(events, () => flushMoved(sql, { slabId: request.slabId }));
      }
      await sql`select pg_stat_force_next_flush()`;
    }),
  );
  const tookMs = performance.now() - startedAt;
  const clients = process.cpuUsage(clientsBefore);
  const cpuMs = {
    backend: (await backendsCpuMs()) - backendsBefore,
    client: (clients.user + clients.system) / 1_000,
  };
  done = true;
  await watching;
  await Promise.all(workers.map((sql) => sql.end()));
  const after = await deadTuples(watcher);
  await watcher.end();
  const samples = [...waits.values()].reduce((sum, n) => sum + n, 0);
  const dead = [...after].map(([name, n]): [string, number] => [
    name,
    round((n - (before.get(name) ?? 0)) / total),
  ]);
  return {
    workers: options.workers,
    slabsOf: `${options.objects} object${options.objects === "one" ? "" : "s"}`,
    commits: total,
    movesRecorded: recorded,
    commitsPerSecond: round((total * 1000) / tookMs),
    /** CPU time of a commit and of the bump of its events: in the backend, and in this process. */
    cpuMsPerCommit: { backend: round(cpuMs.backend / total), client: round(cpuMs.client / total) },
    commit: percentiles(commits),
    events: percentiles(events),
    backendsAre: Object.fromEntries(
      [...waits]
        .toSorted((a, b) => b[1] - a[1])
        .slice(0, 6)
        .map(([what, n]) => [what, round(n / Math.max(1, samples))]),
    ),
    deadTuplesPerCommit: round(dead.reduce((sum, [, n]) => sum + n, 0)),
    deadTuplesByTable: Object.fromEntries(dead.filter(([, n]) => n > 0.01).toSorted((a, b) => b[1] - a[1])),
  };
}
