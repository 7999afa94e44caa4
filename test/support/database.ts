/**
 * Databases of tests, each cloned from one of the run's templates. Only this file creates and drops them.
 *
 * ```ts
 * const { sql, url } = useDatabase();
 * ```
 */
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, inject } from "vitest";

/** The initial content of a database: indexd's tables alone, or together with our schema. */
export const TEMPLATES = { indexd: "template_indexd", slabmend: "template_slabmend" } as const;

export interface TestDatabaseServer {
  readonly adminUrl: string;
  /** The server's log, line by line. */
  readonly logFile: string;
  /** Why a template could not be built, by the template's name. */
  readonly templateErrors: Readonly<Record<string, string>>;
}

declare module "vitest" {
  interface ProvidedContext {
    database: TestDatabaseServer;
  }
}

export interface TestDatabase {
  /** The database's URL, for processes and clients that make their own connections. */
  readonly url: string;
  /** A client of few connections. `drop()` ends it. */
  readonly sql: postgres.Sql;
  /**
   * Ends `sql`, drops the database, and throws if another client is still connected, so that a leaked connection fails
   * the test.
   */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Default `slabmend`: indexd's tables and our schema. */
  readonly schema?: keyof typeof TEMPLATES | "empty";
  /** Connections of `sql`. */
  readonly max?: number;
  /** More options of `sql`. */
  readonly client?: postgres.Options<Record<string, postgres.PostgresType>>;
}

/** A backend ends shortly after its client has closed the socket; after this time the connection counts as leaked. */
const GRACE_MS = 30_000;
const POLL_MS = 20;

/** Called for every database after its creation and before its end. */
export interface DatabaseWatch {
  readonly created: (url: string) => Promise<void>;
  readonly dropping: (url: string) => Promise<void>;
}
let watch: DatabaseWatch | undefined;

/** Lets `by` watch all test databases: the search for secrets (test/canary) looks at every row of these databases. */
export function watchTestDatabases(by: DatabaseWatch): void {
  watch = by;
}

/**
 * A database for the test file or the enclosing `describe`: created before its first test, dropped after its last. Call
 * it before other hooks that use the database. With `clearAfterEach` each test begins with the hosts and accounts from
 * `beforeAll` hooks, without slabs.
 */
export function useDatabase(
  options: TestDatabaseOptions & { readonly clearAfterEach?: boolean } = {},
): Pick<TestDatabase, "sql" | "url"> {
  const database = nameDatabase(options);
  beforeAll(database.create);
  afterAll(database.drop);
  if (options.clearAfterEach === true) afterEach(() => clearDatabase(database.sql));
  return database;
}

/** A database for one test; the test must drop it. */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const database = nameDatabase(options);
  await database.create();
  return database;
}

/**
 * Removes slabs, objects and our rows, except those of the tables in `ROWS_THAT_STAY`; makes hosts and contracts good
 * again.
 */
export async function clearDatabase(sql: postgres.Sql): Promise<void> {
  await sql`truncate slabs, sectors, slab_sectors, slab_deletion_queue, objects, object_slabs, object_events, account_slabs cascade`;
  await sql`truncate hosts_blocklist`;
  await sql`update contracts set good = true, state = 1 where not good or state <> 1`;
  const tables = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'slabmend' and tablename <> all (${ROWS_THAT_STAY})`;
  await sql`truncate ${sql(tables.map(({ name }) => `slabmend.${name}`))}`;
}

/** Our tables whose rows are written by a database migration. */
const ROWS_THAT_STAY = [
  "database_migrations",
  "installed_functions",
  "fleet",
  "budget",
  "indexd",
  "journal_head",
  "lifecycle",
];

/** Chooses the name and makes the client; `create()` makes the database later. */
function nameDatabase(options: TestDatabaseOptions): TestDatabase & { create(): Promise<void> } {
  const server = inject("database");
  const name = `test_${randomBytes(6).toString("hex")}`;
  const url = new URL(server.adminUrl);
  url.pathname = `/${name}`;
  const sql = postgres(url.href, {
    max: options.max ?? 4,
    onnotice: () => {},
    ...options.client,
  }) as postgres.Sql;
  return {
    url: url.href,
    sql,
    async create() {
      const { schema = "slabmend" } = options;
      const template = schema === "empty" ? "template0" : TEMPLATES[schema];
      const templateError = server.templateErrors[template];
      if (templateError !== undefined) throw new Error(`no ${template}: ${templateError}`);
      await asAdmin(server, (admin) => admin.unsafe(`CREATE DATABASE ${name} TEMPLATE ${template}`));
      await watch?.created(url.href);
      await readArraysAsText(sql);
    },
    async drop() {
      await sql.end({ timeout: 5 });
      await watch?.dropping(url.href);
      await asAdmin(server, async (admin) => {
        const leaked = await remainingConnections(admin, name);
        await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
        if (leaked.length > 0) throw new Error(`connections left open by the test: ${leaked.join("; ")}`);
      });
    },
  };
}

/**
 * Makes `sql` return selected arrays as text, as in production, where lib/database/client/connect.ts does not look up
 * types. Arrays can still be sent as parameters.
 */
async function readArraysAsText(sql: postgres.Sql): Promise<void> {
  await sql`select`; // The driver learns the types of arrays from its first connection.
  const { parsers, shared } = sql.options as typeof sql.options & {
    readonly shared: { readonly typeArrayMap: Readonly<Record<number, number>> };
  };
  for (const type of Object.values(shared.typeArrayMap)) parsers[type] = (text: string) => text;
}

async function remainingConnections(admin: postgres.Sql, name: string): Promise<string[]> {
  for (const deadline = Date.now() + GRACE_MS; ; ) {
    const rows = await admin<{ application_name: string; state: string; query: string }[]>`
      SELECT application_name, state, left(query, 120) AS query FROM pg_stat_activity WHERE datname = ${name}`;
    if (rows.length === 0 || Date.now() > deadline) {
      return rows.map((row) => `${row.application_name} ${row.state}: ${row.query}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function asAdmin<Result>(
  server: TestDatabaseServer,
  work: (admin: postgres.Sql) => Promise<Result>,
): Promise<Result> {
  const admin = postgres(server.adminUrl, { max: 1, onnotice: () => {} });
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}
