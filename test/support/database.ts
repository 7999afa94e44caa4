/**
 * A database of its own for each test file or test, cloned from the run's templates.
 *
 * ```ts
 * let database: TestDatabase;
 * beforeAll(async () => void (database = await createTestDatabase()));
 * afterAll(() => database.drop());
 * ```
 */
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { inject } from "vitest";
import { forgetDatabase, rememberDatabase } from "../canary/watch-databases.ts";

/** What a database can start with: indexd's tables alone, or with our schema beside them. */
export const TEMPLATES = { indexd: "template_indexd", slabmend: "template_slabmend" } as const;

export interface TestDatabaseServer {
  readonly adminUrl: string;
  /** What the server says, line by line. */
  readonly logFile: string;
  /** Why a template could not be built, by its name. */
  readonly templateErrors: Readonly<Record<string, string>>;
}

declare module "vitest" {
  interface ProvidedContext {
    database: TestDatabaseServer;
  }
}

export interface TestDatabase {
  /** For processes and clients that connect themselves. */
  readonly url: string;
  /** A client of few connections. `drop()` ends it. */
  readonly sql: postgres.Sql;
  /** Ends `sql`, drops the database, and throws if anyone else is still connected: a leaked connection fails the test. */
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

/** A backend ends a moment after its client has closed the socket; one that is still there after this was left open. */
const GRACE_MS = 2_000;
const POLL_MS = 20;

export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = inject("database");
  const { schema = "slabmend" } = options;
  const template = schema === "empty" ? "template0" : TEMPLATES[schema];
  const templateError = server.templateErrors[template];
  if (templateError !== undefined) throw new Error(`no ${template}: ${templateError}`);
  const name = `test_${randomBytes(6).toString("hex")}`;
  await asAdmin(server, (admin) => admin.unsafe(`CREATE DATABASE ${name} TEMPLATE ${template}`));
  const url = new URL(server.adminUrl);
  url.pathname = `/${name}`;
  const sql = postgres(url.href, {
    max: options.max ?? 4,
    onnotice: () => {},
    ...options.client,
  }) as postgres.Sql;
  await rememberDatabase(url.href);
  return {
    url: url.href,
    sql,
    async drop() {
      await sql.end({ timeout: 5 });
      await forgetDatabase(url.href);
      await asAdmin(server, async (admin) => {
        const leaked = await remainingConnections(admin, name);
        await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
        if (leaked.length > 0) throw new Error(`connections left open by the test: ${leaked.join("; ")}`);
      });
    },
  };
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
