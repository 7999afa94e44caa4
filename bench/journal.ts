/**
 * `npm run bench:journal`: measures the journal as a stream on a real PostgreSQL 18 with default durability; prints one
 * JSON object.
 *
 *   --rows N (10000000)  rows of the journal
 *   --commits N (1000)   commits, once with the journal empty and once with it full
 *   --looks N (200)      reads of each kind, once with the journal empty and once with it full
 *
 * Measures first what claim, status, budget and commit cost with an empty journal, then the rates of sequencer, totals
 * and archive, then again what claim, status, budget and commit cost, now with all rows in the journal. Ten million
 * rows need about 20 GB of disk.
 *
 *   --only-costs  loads rows that already have positions, and skips the rates: needs 12 GB and a third of the time
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { cpus, loadavg, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import postgres, { type Sql } from "postgres";
import { startPostgres } from "../dev/postgres/postgres.ts";
import { createDirectoryStorage } from "../lib/archive/directory-storage.ts";
import { verifyArchive } from "../lib/archive/read-archive.ts";
import { systemClock } from "../lib/clock/clock.ts";
import { checkBudget } from "../lib/database/fleet/budget.ts";
import { followTotals } from "../lib/database/journal/follow-totals.ts";
import { sequenceJournal } from "../lib/database/journal/sequence-journal.ts";
import { readFleetGauges } from "../lib/database/reports/read-fleet-gauges.ts";
import { readStatus } from "../lib/database/reports/read-status.ts";
import { followArchive } from "../lib/jobs/journal/follow-archive.ts";
import { commitTogether } from "./claim/commit-rates.ts";
import { type GeneratedIndexd, generateIndexd, loseHosts } from "./claim/generate-indexd.ts";
import { leaseAlone } from "./claim/lease-rates.ts";
import { percentiles, round, timed } from "./claim/samples.ts";
import { walkEverything } from "./claim/walk-cost.ts";

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "10000000" },
    commits: { type: "string", default: "1000" },
    looks: { type: "string", default: "200" },
    "only-costs": { type: "boolean", default: false },
  },
});
const ROWS = Number(values.rows);
const WALLET = "ab".repeat(32);
const say = (what: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${what}`);

/** Loads the journal as if sequencer and totals had processed all of it. */
async function fillPlaced(sql: Sql): Promise<void> {
  const indexes = await sql<{ name: string; definition: string }[]>`
    select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition from pg_index i
    where i.indrelid = 'slabmend.journal'::regclass
      and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`;
  for (const { name } of indexes) await sql.unsafe(`drop index ${name}`);
  await sql.unsafe("alter table slabmend.journal set unlogged");
  await fill(sql, { placed: true });
  await sql.unsafe("set maintenance_work_mem = '1GB'");
  for (const { definition } of indexes) await sql.unsafe(definition);
  await sql.unsafe("reset maintenance_work_mem");
  await sql`update slabmend.journal_head set position = ${ROWS}`;
  await sql`
    insert into slabmend.followers (name, position, updated_at) values ('totals', ${ROWS}, now())
    on conflict (name) do update set position = excluded.position`;
  await sql.unsafe("vacuum analyze slabmend.journal");
}

/**
 * Inserts rows of the 90 days that ended an hour ago. Thus reads of the last hour find the same rows as before the
 * insertion.
 */
async function fill(sql: Sql, { placed } = { placed: false }): Promise<void> {
  const batch = 250_000;
  for (let first = 0; first < ROWS; first += batch) {
    await sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, moves, bytes_read, bytes_written,
        hastings, phases_ms, worker, leased_at, began_at, finished_at, incarnation, position)
      select gen_random_uuid(), n, sha256(int8send(n)), 'repaired', 'repaired',
        jsonb_build_array(
          jsonb_build_object('index', 3, 'root', encode(sha256(int8send(n + 1)), 'hex'), 'from', null,
            'to', encode(sha256(int8send(n % 64)), 'hex'), 'how', 'rebuilt'),
          jsonb_build_object('index', 4, 'root', encode(sha256(int8send(n + 2)), 'hex'),
            'from', encode(sha256(int8send((n + 1) % 64)), 'hex'),
            'to', encode(sha256(int8send((n + 2) % 64)), 'hex'), 'how', 'copied')),
        41943040, 8388608, 1000000000000000000000, '{"copy": 700, "store": 900}', 'bench', t, t, t + interval '2 seconds',
        case when ${placed} then 1 end, case when ${placed} then n end
      from (
        select n, now() - interval '1 hour' - interval '90 days' * (1 - n::double precision / ${ROWS}) as t
        from generate_series(${first + 1}::bigint, ${Math.min(first + batch, ROWS)}::bigint) n
      ) g`;
  }
  if (!placed) await sql.unsafe("vacuum analyze slabmend.journal");
}

async function rateOf(batch: () => Promise<number>): Promise<{ rows: number; rowsPerSecond: number }> {
  const startedAt = performance.now();
  let rows = 0;
  for (let done = 1; done > 0; rows += done) done = await batch();
  return { rows, rowsPerSecond: round((rows * 1_000) / (performance.now() - startedAt)) };
}

async function costs(url: string, sql: Sql, indexd: GeneratedIndexd) {
  const looks = { status: [] as number[], budget: [] as number[], gauges: [] as number[] };
  for (let look = 0; look < Number(values.looks); look += 1) {
    await timed(looks.status, () => readStatus(sql, { dangerAbove: 1e-3 }));
    await timed(looks.budget, () => checkBudget(sql, { hastings: 10n ** 40n, repairs: 10n ** 9n }));
    await timed(looks.gauges, () => readFleetGauges(sql));
  }
  // Resets the slabs, as if none had been leased before.
  await sql`truncate slabmend.leases, slabmend.repairs`;
  await sql`update slabs set next_repair_attempt = now() - interval '3 hours'`;
  await sql`update slabmend.backlog set ready = true`;
  await sql.unsafe("vacuum analyze slabs");
  await sql.unsafe("vacuum analyze slabmend.backlog");
  const leases = await leaseAlone(url, { slabs: indexd.scale.slabs, batches: 10 });
  await sql`truncate slabmend.leases`;
  const commits = await commitTogether(url, indexd, {
    workers: 1,
    objects: "many",
    commits: Number(values.commits),
  });
  return {
    status: percentiles(looks.status),
    budget: percentiles(looks.budget),
    gauges: percentiles(looks.gauges),
    claimBatch: leases.result,
    commit: commits.commit,
    loadOfMachine: round(loadavg()[0]!),
  };
}

/** Measures how many rows per second sequencer, totals and archive process, one after the other, over the same rows. */
async function rates(sql: Sql, folder: string) {
  say("sequencer");
  const sequencer = await rateOf(() => sequenceJournal(sql));
  await sql.unsafe("vacuum analyze slabmend.journal");
  say("totals");
  const totals = await rateOf(() => followTotals(sql));
  say("archive");
  const storage = createDirectoryStorage(folder);
  const ask = <Result>(statements: (sql: Sql) => Promise<Result>): Promise<Result> => statements(sql);
  const archive = await rateOf(async () => {
    const { rows, stopped } = await followArchive({ ask, storage, clock: systemClock }, 3_600_000);
    if (stopped !== undefined) throw stopped;
    return rows;
  });
  say("verify the archive");
  const startedAt = performance.now();
  const verified = await verifyArchive(storage, { walletHash: WALLET }, new AbortController().signal);
  const verify = {
    segments: verified.segments,
    files: (await readdir(folder, { recursive: true })).length,
    rowsPerSecond: round((ROWS * 1_000) / (performance.now() - startedAt)),
  };
  return { sequencer, totals, archive, verify };
}

const server = await startPostgres({
  maxConnections: 60,
  durability: "full",
  settings: {
    shared_buffers: "2GB",
    max_wal_size: values["only-costs"] ? "2GB" : "8GB",
    wal_level: "minimal",
    max_wal_senders: "0",
  },
});
const folder = await mkdtemp(join(tmpdir(), "slabmend-bench-journal-"));
const interrupted = (): void => void server.stop().finally(() => process.exit(130));
process.once("SIGINT", interrupted);
process.once("SIGTERM", interrupted);
try {
  const admin = postgres(server.url("postgres"), { max: 1 });
  await admin.unsafe("create database journal");
  await admin.end();
  const url = server.url("journal");
  const sql = postgres(url, { max: 1, onnotice: () => {} }) as Sql;
  say("slabs");
  const indexd = await generateIndexd(sql, { slabs: 10_000, hosts: 100, minShards: 10, shards: 30 });
  await sql`update slabmend.indexd set wallet_hash = ${Buffer.from(WALLET, "hex")}`;
  await loseHosts(sql, indexd.hosts.slice(0, 40));
  await walkEverything(url);
  await sql.unsafe("vacuum analyze");
  say("costs with an empty journal");
  const empty = await costs(url, sql, indexd);
  say(`${ROWS} rows`);
  await sql`truncate slabmend.journal`;
  await (values["only-costs"] ? fillPlaced(sql) : fill(sql));
  const followed = values["only-costs"] ? {} : await rates(sql, folder);
  await sql.unsafe("vacuum analyze");
  say("costs with all rows");
  const full = await costs(url, sql, indexd);
  const [size] = await sql<
    { bytes: number }[]
  >`select pg_total_relation_size('slabmend.journal')::float8 as bytes`;
  await sql.end();
  const report = {
    machine: { cpu: cpus()[0]?.model.trim(), cores: cpus().length, memoryGigabytes: round(totalmem() / 1e9) },
    node: process.version,
    rows: ROWS,
    journalGigabytes: round(size!.bytes / 1e9),
    ...followed,
    costs: { empty, full },
  };
  console.log(JSON.stringify(report, null, 2));
} finally {
  await rm(folder, { recursive: true, force: true });
  await server.stop();
}
