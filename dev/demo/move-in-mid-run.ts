/**
 * Uses the operator's command to move the database to a second server while workers repair. During the switch, new
 * connections of the simulated indexd wait; after the switch, they lead to the target. New connections of the fleet do
 * not wait: the source refuses them until the fleet's address leads to the target.
 */
import { PassThrough, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { runCommandLine } from "../../lib/cli/command-line.ts";
import { systemClock } from "../../lib/clock/clock.ts";
import { moveStatisticsOf } from "../../lib/jobs/move-database/move-run.ts";
import { findPgDump } from "../postgres/pg-dump.ts";
import { type PostgresServer, startPostgres } from "../postgres/postgres.ts";
import type { DatabaseProxy } from "./database-proxy.ts";
import { DemoError } from "./demo-error.ts";
import { DATABASE } from "./open-database.ts";
import type { Progress } from "./progress.ts";

const POLL_MS = 100;
const MOST_MS = 120_000;
const MAJOR = 18;

/** What the demo's JSON says about the move. */
export interface MoveDone {
  readonly copySeconds: number;
  /** Time from when the source refused the fleet until the target accepted it. */
  readonly secondsWithoutClaims: number;
  readonly comparedTables: number;
  readonly comparedRows: number;
  /** Repairs that ended before the switch; the next field counts those that ended on the target. */
  readonly repairsBefore: number;
  readonly repairsAfter: number;
}

/** The settings that a move's source needs and that are not PostgreSQL's defaults. */
export const SOURCE_SETTINGS = { wal_level: "logical", max_slot_wal_keep_size: "2GB" } as const;

/** @throws {DemoError} `no-pg-dump` */
export async function requirePgDump(): Promise<string> {
  const path = await findPgDump(MAJOR);
  if (path !== undefined) return path;
  throw new DemoError({
    code: "no-pg-dump",
    message: `--move: expected pg_dump of PostgreSQL ${MAJOR} or newer, which the embedded server lacks, got none in SLABMEND_PG_DUMP, .slabmend/pg-dump and on the PATH`,
    remedy: `On Linux x86_64: scripts/install-pg-dump.sh. Elsewhere install the client programs of PostgreSQL ${MAJOR}, and set SLABMEND_PG_DUMP to its pg_dump.`,
  });
}

/** The empty target database. */
export async function startTarget(connect: (url: string) => Sql): Promise<PostgresServer> {
  const target = await startPostgres({ settings: { synchronous_commit: "on", full_page_writes: "on" } });
  const admin = connect(target.url("postgres"));
  await admin.unsafe(`create database ${DATABASE} template template0`).finally(() => admin.end());
  return target;
}

export function moveInMidRun(parts: {
  readonly pgDump: string;
  readonly source: PostgresServer;
  readonly target: PostgresServer;
  /** A client of the database's owner, which connects through the proxy `indexd`. */
  readonly sql: Sql;
  readonly indexd: DatabaseProxy;
  readonly fleet: DatabaseProxy;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}): Promise<MoveDone> {
  const { pgDump, source, target, sql, indexd, fleet, progress, signal } = parts;
  const environment = {
    SLABMEND_DATABASE_URL: source.url(DATABASE),
    SLABMEND_TARGET_DATABASE_URL: target.url(DATABASE),
  };
  const move = async (...args: string[]) => {
    const { out, err, code } = await runCommand(["--json", "move-database", ...args], environment, signal);
    if (code !== 0) throw new Error(`move-database ${args[0]} ended with ${code}: ${err || out}`);
    return moveStatisticsOf((JSON.parse(out) as { run: { statistics: unknown } }).run);
  };
  return (async () => {
    await untilRepairing(sql, signal);
    progress.line("moving the database: the target copies and replicates while the fleet repairs");
    await move("start", "--pg-dump", pgDump);
    const repairsBefore = await countRepairs(sql);
    indexd.hold();
    const switched = await move("switch", "--yes").catch((error: unknown) => {
      indexd.release();
      throw error;
    });
    indexd.leadTo(target.port);
    fleet.leadTo(target.port);
    indexd.release();
    await move("finish");
    const { copySeconds, secondsWithoutClaims, comparedTables, comparedRows } = switched;
    progress.line(
      `moved the database: copied in ${copySeconds} s, ${comparedRows} rows in ${comparedTables} tables compared equal, ${secondsWithoutClaims} s without claims`,
    );
    return {
      copySeconds: copySeconds ?? 0,
      secondsWithoutClaims: secondsWithoutClaims ?? 0,
      comparedTables: comparedTables ?? 0,
      comparedRows: comparedRows ?? 0,
      repairsBefore,
      // Set at the end.
      repairsAfter: 0,
    };
  })();
}

export async function countRepairs(sql: Sql): Promise<number> {
  const [row] = await sql<{ n: number }[]>`select count(*)::integer as n from slabmend.journal`;
  return row!.n;
}

async function untilRepairing(sql: Sql, signal: AbortSignal): Promise<void> {
  for (const endsAtMs = Date.now() + MOST_MS; Date.now() < endsAtMs; ) {
    const rows = await sql`select from slabmend.leases where began_at is not null limit 1`;
    if (rows.length > 0) return;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new Error("the move waited two minutes for a running repair");
}

async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<{ readonly out: string; readonly err: string; readonly code: number }> {
  const texts = { out: "", err: "" };
  const into = (name: keyof typeof texts) =>
    new Writable({
      write(chunk, _encoding, done) {
        texts[name] += String(chunk);
        done();
      },
    });
  const code = await runCommandLine(args, {
    environment,
    stdin: new PassThrough().end(),
    stdout: into("out"),
    stderr: into("err"),
    clock: systemClock,
    signal,
  });
  return { ...texts, code };
}
