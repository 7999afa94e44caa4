/**
 * Runs once per `vitest run`: one PostgreSQL, and in it the template databases that every test database is cloned from.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import {
  type FixtureVersion,
  indexdSchema,
  NEWEST_VERSION,
  upgradeIndexd,
} from "../../dev/indexd/indexd-schema.ts";
import { type PostgresServer, startPostgres } from "../../dev/postgres/postgres.ts";
import { TEMPLATES, type TestDatabaseServer } from "./database.ts";

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  let logFile: string | undefined;
  // Each test file has its own pool. Two vitest workers, with the servers and child processes of a few files, need
  // far fewer than 200 connections.
  const server = await startPostgres({
    maxConnections: 200,
    // Lines that the server logs while it starts are dropped.
    onLogLine: (line) => logFile !== undefined && appendFileSync(logFile, `${line}\n`),
  });
  logFile = join(server.folder, "tests.log");
  appendFileSync(logFile, "");
  const templateErrors: Record<string, string> = {};
  // If a schema is broken, tests without a database still run, and tests that need this schema report the reason.
  const attempt = async (name: string, build: Promise<void>): Promise<void> => {
    await build.catch((error: unknown) => {
      templateErrors[name] = error instanceof Error ? (error.stack ?? error.message) : String(error);
    });
  };
  await attempt(
    TEMPLATES.indexd,
    buildTemplate(server, TEMPLATES.indexd, "template0", async (sql) => {
      await createIndexdTables(sql, process.env["SLABMEND_TEST_INDEXD"]);
    }),
  );
  await attempt(
    TEMPLATES.slabmend,
    buildTemplate(server, TEMPLATES.slabmend, TEMPLATES.indexd, async (sql) => {
      // Imported here, so that an error in this module affects only the template with our schema.
      const { migrateDatabase } = await import("../../lib/database/schema/migrate-database.ts");
      await migrateDatabase(sql);
    }),
  );
  const provided: TestDatabaseServer = { adminUrl: server.url("postgres"), logFile, templateErrors };
  project.provide("database", provided);
  return () => server.stop();
}

/**
 * @param which "22": a new database of indexd's version 22; "22-26": a database of version 22 that is upgraded to 26;
 * default: the newest version. `npm run test:indexd` runs the tests with values other than the default.
 */
async function createIndexdTables(sql: postgres.Sql, which = String(NEWEST_VERSION)): Promise<void> {
  const [from, to] = which.split("-").map(Number);
  await sql.unsafe(indexdSchema(from as FixtureVersion));
  if (to !== undefined) await upgradeIndexd(sql, to);
}

async function buildTemplate(
  server: PostgresServer,
  name: string,
  from: string,
  fill: (sql: postgres.Sql) => Promise<void>,
): Promise<void> {
  const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
  try {
    await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE ${from}`);
    const template = postgres(server.url(name), { max: 1, onnotice: () => {} });
    await fill(template).finally(() => template.end());
    // An open connection to a template would block every clone of the template.
    await admin.unsafe(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false IS_TEMPLATE true`);
  } finally {
    await admin.end();
  }
}
