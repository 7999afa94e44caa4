/**
 * Two PostgreSQL servers for a move. The source has indexd's database, which the role indexd owns, and the role of a
 * fleet; the target is empty. `useMoveWorld` starts the servers for a file; each test has its own databases on them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import postgres, { type Sql } from "postgres";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { indexdSchema } from "../../dev/indexd/indexd-schema.ts";
import { type PostgresServer, startPostgres } from "../../dev/postgres/postgres.ts";
import { grantStatements } from "../../lib/database/schema/grant-statements.ts";
import { migrateDatabase } from "../../lib/database/schema/migrate-database.ts";
import { rememberVariables } from "../canary/remember-variables.ts";
import { type CliResult, runCli } from "../cli/run-cli.ts";
import { seedAccount, seedHost, seedSlab } from "./seed-indexd.ts";
import { until } from "./until.ts";

const installed = fileURLToPath(new URL("../../.slabmend/pg-dump/pg_dump", import.meta.url));
/** The pg_dump of scripts/install-pg-dump.sh; undefined if it is not installed. */
export const PG_DUMP: string | undefined =
  process.env["SLABMEND_PG_DUMP"] ?? (existsSync(installed) ? installed : undefined);
const installed17 = fileURLToPath(new URL("../../.slabmend/postgres17", import.meta.url));
/** The folder of the PostgreSQL 17 that scripts/install-postgres17.sh installs; undefined if it is not installed. */
export const POSTGRES_17: string | undefined =
  process.env["SLABMEND_POSTGRES17"] ??
  (existsSync(`${installed17}/installed.txt`) ? installed17 : undefined);

const KILLED = fileURLToPath(new URL("../kill/fixtures/move-until.ts", import.meta.url));
const DATABASE = "indexd";
/**
 * The settings of both servers. Other test servers have synchronous_commit off; here a crash must not lose what was
 * committed.
 */
const SETTINGS = { log_statement: "ddl", synchronous_commit: "on" };
const SOURCE_SETTINGS = { ...SETTINGS, wal_level: "logical", max_slot_wal_keep_size: "256MB" };
type Side = "source" | "target";

export interface MoveServers {
  readonly source: PostgresServer;
  readonly target: PostgresServer;
  /** The logs of both servers. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/** @param options.binaries the source's binaries; default: those of the embedded PostgreSQL 18 */
export async function startMoveServers(
  options: { readonly binaries?: string; readonly settings?: Readonly<Record<string, string>> } = {},
): Promise<MoveServers> {
  const log: string[] = [];
  const onLogLine = (line: string) => void log.push(line);
  const settings = { ...SOURCE_SETTINGS, ...options.settings };
  const { binaries } = options;
  const source = await startPostgres({
    settings,
    onLogLine,
    ...(binaries === undefined ? {} : { binaries }),
  });
  const target = await startPostgres({ settings: SETTINGS, onLogLine });
  return {
    source,
    target,
    log,
    async stop() {
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}

/**
 * Servers for all tests of a file, and for each test a source with five slabs and an empty target. Call it at the top
 * of the file.
 * @param options of `startMoveServers`
 */
export function useMoveWorld(options: Parameters<typeof startMoveServers>[0] = {}): {
  readonly servers: MoveServers;
  readonly world: MoveWorld;
} {
  let servers: MoveServers | undefined;
  let world: MoveWorld | undefined;
  beforeAll(async () => {
    servers = await startMoveServers(options);
  });
  afterAll(() => servers?.stop());
  beforeEach(async () => {
    world = await createMoveWorld(servers!);
    await world.store(5);
  });
  afterEach(() => world?.drop());
  return {
    get servers() {
      return servers!;
    },
    get world() {
      return world!;
    },
  };
}

export interface MoveWorld {
  /** Clients of both databases, connected as superuser. */
  readonly source: Sql;
  readonly target: Sql;
  /** URLs for the roles of indexd and the fleet on both sides. The URLs of the target work once the target is open. */
  readonly urlOf: (side: Side, role: "indexd" | "fleet") => string;
  readonly environment: Readonly<Record<string, string>>;
  /** `slabmend move-database …`, with --json. */
  move(...args: string[]): Promise<Omit<CliResult, "json"> & { readonly report: MoveJson }>;
  /** `switch --yes`, which Ctrl+C interrupts. */
  switchUntil(signal: AbortSignal): Promise<CliResult>;
  /** Continues the move in a process that is killed at the step, and then ends the process's lease. */
  killAt(goal: "ready" | "opened" | "finished", step: string): Promise<void>;
  /**
   * Continues the move in a process that is paused at the step, as a suspended machine is, and ends the process's
   * lease.
   * @returns a function that lets the process go on until it ends, and returns its final output
   */
  pauseAt(goal: "ready" | "opened" | "finished", step: string): Promise<() => Promise<string>>;
  /** `start` in a process. @returns a function that kills the process, and ends its lease */
  startUntilKilled(): () => Promise<void>;
  /**
   * Continues the move in a process that crashes the server of this side at the step, but itself goes on.
   * @returns the process's final output
   */
  crashAt(goal: "ready" | "opened" | "finished", step: string, side: Side): Promise<string>;
  /**
   * An immediate shutdown, as after SIGKILL or a power failure: sessions are not closed, and the next start recovers
   * from the WAL.
   */
  crash(side: Side): Promise<void>;
  /** Starts a crashed server, and ends the lease of a command that could not release it. */
  recover(side: Side): Promise<void>;
  /** The sides that let indexd and the fleet in. "half open": a side lets only one of them in, which is wrong. */
  openSides(): Promise<string>;
  /**
   * The state that an abort must restore: the source's privileges and mode, an empty target, and no trace of a move on
   * either server.
   */
  footprint(): Promise<object>;
  /** Some slabs, as indexd writes them. */
  store(slabs: number): Promise<void>;
  /** Drops both databases and all roles except the superuser. */
  drop(): Promise<void>;
}

/** The JSON that the commands of `slabmend move-database` print. */
export interface MoveJson {
  readonly run: {
    readonly id: string;
    readonly state: string;
    readonly step: string;
    readonly statistics: Record<string, number>;
  } | null;
  readonly findings:
    | readonly { readonly code: string; readonly level: string; readonly says: string }[]
    | null;
  readonly replication: Record<string, number | string | boolean> | null;
  readonly alarms: readonly string[];
}

const client = (url: string, max = 3): Sql =>
  postgres(url, { max, onnotice: () => {}, connection: { application_name: "test" } });

export async function createMoveWorld(servers: MoveServers): Promise<MoveWorld> {
  const passwords = { indexd: randomBytes(12).toString("hex"), fleet: randomBytes(12).toString("hex") };
  const roles = { indexd: "indexd", fleet: "slabmend" };
  const admin = {
    source: client(servers.source.url("postgres"), 1),
    target: client(servers.target.url("postgres"), 1),
  };
  // The tests' own statements must not log passwords, because the log is searched.
  await admin.source.unsafe("set log_statement to none");
  await admin.source.unsafe(`create role indexd login password '${passwords.indexd}'`);
  await admin.source.unsafe(`create database ${DATABASE} owner indexd template template0`);
  await admin.target.unsafe(`create database ${DATABASE} template template0`);
  const urlOf: MoveWorld["urlOf"] = (side, role) => {
    const url = new URL(servers[side].url(DATABASE));
    url.username = roles[role];
    url.password = passwords[role];
    return url.href;
  };
  const owner = client(urlOf("source", "indexd"), 1);
  await owner.unsafe(indexdSchema());
  await migrateDatabase(owner);
  await owner.end();
  const source = client(servers.source.url(DATABASE));
  const superuser = client(servers.source.url(DATABASE), 1);
  await superuser.unsafe(grantStatements({ role: roles.fleet, concurrency: 2 }));
  await superuser.end();
  await admin.source.unsafe(`alter role ${roles.fleet} password '${passwords.fleet}'`);
  await source.unsafe(`alter database ${DATABASE} set work_mem to '5MB'`);
  const target = client(servers.target.url(DATABASE));
  const environment = {
    SLABMEND_DATABASE_URL: servers.source.url(DATABASE),
    SLABMEND_TARGET_DATABASE_URL: servers.target.url(DATABASE),
  };
  rememberVariables(Object.entries(environment));
  const children: ChildProcess[] = [];
  return {
    source,
    target,
    urlOf,
    environment,
    async move(...args) {
      const usesDump = args[0] === "plan" || args[0] === "start";
      const dump = usesDump && !args.includes("--pg-dump") ? ["--pg-dump", PG_DUMP!] : [];
      const result = await runCli(["--json", "move-database", ...args, ...dump], { environment });
      const { code, out, err, error } = result;
      return { code, out, err, error, report: JSON.parse(out === "" ? "{}" : out) as MoveJson };
    },
    switchUntil: (signal) => runCli(["--json", "move-database", "switch", "--yes"], { environment, signal }),
    async killAt(goal, step) {
      const { said, signal } = await moveUntil(environment, [goal, step]);
      if (signal !== "SIGKILL") throw new Error(`step ${step} was not reached: ${said}`);
      await endLease(source);
    },
    async pauseAt(goal, step) {
      const paused = startMoveUntil(environment, [goal, step, "pause"]);
      children.push(paused.child);
      await until(() => paused.said().startsWith("paused") || paused.child.exitCode !== null);
      await endLease(source);
      return async () => {
        paused.child.kill("SIGCONT");
        return (await paused.ended).said.replace("paused\n", "");
      };
    },
    startUntilKilled() {
      const started = startMoveUntil(environment, ["ready", "never"]);
      children.push(started.child);
      return async () => {
        started.child.kill("SIGKILL");
        await started.ended;
        await endLease(source);
      };
    },
    async crashAt(goal, step, side) {
      const { pid } = servers[side];
      const { said } = await moveUntil(environment, [goal, step, String(pid)]);
      if (isRunning(pid)) throw new Error(`step ${step} was not reached: ${said}`);
      return said;
    },
    async crash(side) {
      const { pid, ended } = servers[side];
      process.kill(pid, "SIGQUIT");
      await ended;
    },
    async recover(side) {
      await servers[side].restart();
      await endLease(source);
    },
    async openSides() {
      const open: string[] = [];
      for (const side of ["source", "target"] as const) {
        const [indexd, fleet] = [await letsIn(urlOf(side, "indexd")), await letsIn(urlOf(side, "fleet"))];
        if (indexd !== fleet) return `${side} half open`;
        if (indexd) open.push(side);
      }
      return open.join(" and ");
    },
    footprint: () => footprintOf(source, target),
    async store(slabs) {
      const host = await seedHost(source);
      await seedAccount(source);
      const sectors = Array.from({ length: 3 }, () => ({ hostId: host.id, mapId: host.contract!.mapId }));
      for (let slab = 0; slab < slabs; slab += 1) await seedSlab(source, { minShards: 1, sectors });
    },
    async drop() {
      for (const child of children) child.kill("SIGKILL");
      // A failed test may have left a lock or a stopped server, so closing the clients waits at most a second.
      await Promise.all([source.end({ timeout: 1 }), target.end({ timeout: 1 })]);
      for (const side of ["target", "source"] as const) {
        const sql = admin[side];
        await sql`select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active`.catch(
          () => {},
        );
        const subscription = client(servers[side].url(DATABASE), 1);
        await subscription.unsafe("alter subscription slabmend_move disable").catch(() => {});
        await subscription.unsafe("alter subscription slabmend_move set (slot_name = none)").catch(() => {});
        await subscription.unsafe("drop subscription if exists slabmend_move").catch(() => {});
        await subscription.end();
        await sql`select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active`.catch(
          () => {},
        );
        await sql.unsafe(`drop database ${DATABASE} with (force)`);
        const named = await sql<{ name: string }[]>`
          select rolname::text as name from pg_roles where rolname <> 'postgres' and rolname !~ '^pg_'`;
        for (const { name } of named) await sql.unsafe(`drop role "${name}"`);
        await sql.end();
      }
    },
  };
}

/** Runs test/kill/fixtures/move-until.ts in a process until it ends. */
const moveUntil = (environment: object, args: readonly string[]) => startMoveUntil(environment, args).ended;

function startMoveUntil(environment: object, args: readonly string[]) {
  const child = spawn(process.execPath, [KILLED, ...args], {
    env: { ...process.env, ...environment, PG_DUMP },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += String(chunk);
  });
  const ended = once(child, "close").then(([, signal]) => ({
    said,
    signal: signal as NodeJS.Signals | null,
  }));
  return { child, said: () => said, ended };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const endLease = (source: Sql) =>
  source`update slabmend.runs set expires_at = clock_timestamp() where expires_at is not null`;

async function letsIn(url: string): Promise<boolean> {
  const sql = client(url, 1);
  try {
    await sql`select 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.end();
  }
}

async function footprintOf(source: Sql, target: Sql): Promise<object> {
  const [rights] = await source`
    select has_database_privilege('public', current_database(), 'connect') as source_open,
      (select mode from slabmend.fleet) as mode,
      (select count(*)::integer from slabmend.runs r where r::text ~ 'SCRAM-SHA-256|password') as passwords_kept`;
  const contents = await target`
    select nspname::text as name from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
    union all select relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public'
    union all select rolname::text from pg_roles where rolname !~ '^pg_'
    union all select 'open to all' where has_database_privilege('public', current_database(), 'connect')
    order by 1`;
  return {
    ...rights,
    contents: contents.map(({ name }) => name),
    traces: [await tracesOf(source), await tracesOf(target)],
  };
}

/** What {@link MoveWorld.footprint} sees before a move. */
export const UNTOUCHED = {
  source_open: true,
  mode: "running",
  passwords_kept: 0,
  contents: ["open to all", "postgres", "public"],
  traces: [[], []],
};

/**
 * Everything that a move creates in the catalogues of this server. Passwords need no entry: they disappear with their
 * role or subscription.
 */
export async function tracesOf(sql: Sql): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    select 'role ' || rolname as name from pg_roles where rolname like 'slabmend\\_move%'
    union all select 'publication ' || pubname from pg_publication
    union all select 'subscription ' || subname from pg_subscription
    union all select 'slot ' || slot_name from pg_replication_slots
    union all select 'origin ' || roname from pg_replication_origin
    order by 1`;
  return rows.map(({ name }) => name);
}
