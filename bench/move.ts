/**
 * `npm run bench:move [-- SECTORS...]`: the speed of a database copy, and the time without claims during the switch;
 * one JSON line per size (default 100000 and 1000000 sectors). Runs the command `move-database` between two PostgreSQL
 * 18 servers on this machine with default durability. Needs pg_dump 18: run scripts/install-pg-dump.sh, or set
 * SLABMEND_PG_DUMP to its path. Exits with 1 if a switch takes longer than 30 s + 4 s per 10^6 sectors.
 */
import { existsSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import postgres, { type Sql } from "postgres";
import { startPostgres } from "../dev/postgres/postgres.ts";
import { runCommandLine } from "../lib/cli/command-line.ts";
import { systemClock } from "../lib/clock/clock.ts";
import { moveStatisticsOf } from "../lib/jobs/move-database/move-run.ts";
import { generateIndexd } from "./claim/generate-indexd.ts";
import { rounded } from "./measure.ts";

const installed = fileURLToPath(new URL("../.slabmend/pg-dump/pg_dump", import.meta.url));
const pgDump = process.env["SLABMEND_PG_DUMP"] ?? (existsSync(installed) ? installed : "pg_dump");
const sizes = process.argv.slice(2).map(Number);
const SHARDS = 30;
const SETTINGS = { shared_buffers: "512MB", max_wal_size: "4GB" };
const say = (what: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${what}`);

for (const sectors of sizes.length === 0 ? [100_000, 1_000_000] : sizes) {
  const result = await measure(sectors);
  console.log(JSON.stringify(result));
  if (result.secondsWithoutClaims > result.boundSeconds) process.exitCode = 1;
}

async function measure(sectors: number) {
  const source = await startPostgres({
    durability: "full",
    settings: { ...SETTINGS, wal_level: "logical", max_slot_wal_keep_size: "20GB" },
  });
  const target = await startPostgres({ durability: "full", settings: SETTINGS });
  try {
    for (const server of [source, target]) {
      const admin = postgres(server.url("postgres"), { max: 1 });
      await admin.unsafe("create database indexd template template0");
      await admin.end();
    }
    say(`${sectors} sectors`);
    const sql = postgres(source.url("indexd"), { max: 1, onnotice: () => {} }) as Sql;
    const slabs = Math.ceil(sectors / SHARDS);
    await generateIndexd(sql, { slabs, hosts: 100, minShards: 10, shards: SHARDS });
    await giveToIndexd(sql);
    await sql.unsafe("vacuum analyze");
    const [size] = await sql<{ bytes: number; rows: number }[]>`
      select pg_database_size(current_database())::float8 as bytes,
        (select sum(n_live_tup)::float8 from pg_stat_user_tables) as rows`;
    await sql.end();
    const environment = {
      SLABMEND_DATABASE_URL: source.url("indexd"),
      SLABMEND_TARGET_DATABASE_URL: target.url("indexd"),
    };
    say("start");
    await run(environment, "start", "--pg-dump", pgDump);
    say("switch");
    const statistics = moveStatisticsOf({ statistics: await run(environment, "switch", "--yes") });
    await run(environment, "finish");
    return {
      cpu: cpus()[0]?.model.trim(),
      cores: cpus().length,
      loadOfMachine: rounded(loadavg()[0]!),
      sectors,
      rows: size!.rows,
      megabytes: rounded(size!.bytes / 1e6),
      copySeconds: statistics.copySeconds!,
      rowsPerSecond: rounded(size!.rows / statistics.copySeconds!),
      megabytesPerSecond: rounded(size!.bytes / 1e6 / statistics.copySeconds!),
      comparedRows: statistics.comparedRows,
      secondsWithoutClaims: statistics.secondsWithoutClaims!,
      boundSeconds: 30 + (4 * sectors) / 1e6,
    };
  } finally {
    await Promise.all([source.stop(), target.stop()]);
  }
}

/**
 * Validates the constraints that the load left `not valid`, and gives the tables to the role that a move locks out:
 * `indexd`.
 */
async function giveToIndexd(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create role indexd login;
    do $$ declare t record; begin
      for t in select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = 'public' loop
        execute 'alter table ' || t.name || ' owner to indexd';
      end loop;
    end $$;
    do $$ declare c record; begin
      for c in select conrelid::regclass as of, conname as name from pg_constraint where not convalidated loop
        execute format('alter table %s validate constraint %I', c.of, c.name);
      end loop;
    end $$`);
}

/** The run's statistics. */
async function run(environment: Record<string, string>, ...args: string[]): Promise<unknown> {
  let out = "";
  const code = await runCommandLine(["--json", "move-database", ...args], {
    environment,
    stdin: process.stdin,
    stdout: new Writable({
      write(chunk, _encoding, done) {
        out += String(chunk);
        done();
      },
    }),
    stderr: process.stderr,
    clock: systemClock,
    signal: new AbortController().signal,
  });
  if (code !== 0) throw new Error(`move-database ${args[0]} ended with ${code}: ${out}`);
  return (JSON.parse(out) as { run: { statistics: unknown } }).run.statistics;
}
