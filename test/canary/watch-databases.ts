/**
 * Records all rows of slabmend's tables: after each test, before a test's database is dropped, and before a server of
 * this process is stopped. It also records the keys of all slabs, as secrets, and the server's log.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { type PostgresStopping, postgresStopping } from "../../dev/postgres/postgres-stopping.ts";
import { recordOnce, recordSecret, recordTrace } from "./recorder.ts";

/** One idle connection to each database, because a login per check would take most of the time. */
const databases = new Map<string, Sql>();
let hadDatabase = false;

/** Registers a database that the running test file has created. */
export async function rememberDatabase(url: string): Promise<void> {
  databases.set(url, await connect(url));
  hadDatabase = true;
}

/** Reads the database a last time; call this before it is dropped. */
export async function forgetDatabase(url: string): Promise<void> {
  const sql = databases.get(url);
  if (sql === undefined) return;
  databases.delete(url);
  await recordRows(sql).finally(() => sql.end());
}

/** Reads all databases. */
export async function recordAllRows(): Promise<void> {
  await Promise.all([...databases.values()].map(recordRows));
}

/** Call it once. From this call on, the rows of every server of this process are read before the server stops. */
export function watchServers(): void {
  postgresStopping.subscribe((message) => {
    const { url, waitUntil } = message as PostgresStopping;
    waitUntil(recordServer(url));
  });
}

async function recordServer(url: PostgresStopping["url"]): Promise<void> {
  const names = await withClient(url("postgres"), async (sql) => {
    const rows = await sql<{ name: string }[]>`
      select datname as name from pg_database where datallowconn and not datistemplate`;
    return rows.map(({ name }) => name);
  }).catch((error: unknown) => {
    // The server has already ended, as in some tests.
    if (error instanceof Error && "code" in error && error.code === "ECONNREFUSED") return [];
    throw error;
  });
  for (const name of names) await withClient(url(name), recordRows);
}

async function recordRows(sql: Sql): Promise<void> {
  const tables = await sql<{ name: string; table: string }[]>`
    select tablename as name, format('%I.%I', schemaname, tablename) as table from pg_tables
    where schemaname = 'slabmend' or (schemaname = 'public' and tablename = 'slabs')`;
  const parts = tables.map(({ name, table }) =>
    name === "slabs"
      ? `select null as name, encode(encryption_key, 'hex') as text from ${table}`
      : `select '${name}' as name, to_jsonb(t)::text as text from ${table} t`,
  );
  if (parts.length === 0) return;
  const rows = await sql.unsafe<{ name: string | null; text: string }[]>(parts.join(" union all "), [], {
    prepare: true,
  });
  for (const { name, text } of rows) {
    if (name === null) recordSecret("slab key", Buffer.from(text, "hex"));
    else recordOnce(`row of slabmend.${name}`, text);
  }
}

async function connect(url: string): Promise<Sql> {
  // Imported here, because most children that load this file have no database.
  const { default: postgres } = await import("postgres");
  return postgres(url, {
    max: 1,
    onnotice: () => {},
    fetch_types: false,
    connection: { application_name: "canary", statement_timeout: 20_000 },
  });
}

async function withClient<Result>(url: string, work: (sql: Sql) => Promise<Result>): Promise<Result> {
  const sql = await connect(url);
  return await work(sql).finally(() => sql.end());
}

/** The current size of the server's log in bytes. */
export function sizeOfLog(logFile: string): number {
  return statSync(logFile).size;
}

const POLL_MS = 5;
const MOST_WAIT_MS = 10_000;

/**
 * Records what the shared server has logged since `from`; nothing if this test file used no database of that server.
 */
export async function recordServerLog(log: {
  readonly file: string;
  readonly from: number;
  readonly adminUrl: string;
}): Promise<void> {
  if (!hadDatabase) return;
  // The log arrives through a pipe and another process: it is complete when this mark arrives.
  const mark = `canary ${randomUUID()}`;
  await withClient(log.adminUrl, (sql) => sql.unsafe(`do $$ begin raise log '${mark}'; end $$`));
  for (const deadline = Date.now() + MOST_WAIT_MS; ; await sleep(POLL_MS)) {
    const said = readFileSync(log.file).subarray(log.from);
    if (said.includes(mark)) return recordTrace("log of PostgreSQL", said);
    if (Date.now() > deadline) throw new Error(`the log of PostgreSQL has no line "${mark}"`);
  }
}
