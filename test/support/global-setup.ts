/** Runs once per `vitest run`: one PostgreSQL, and in it a template database that every test database is cloned from. */
import { readdir, readFile } from "node:fs/promises";
import postgres from "postgres";
import type { TestProject } from "vitest/node";
import { type PostgresServer, startPostgres } from "../../lib/local/postgres.ts";
import { TEMPLATE_DATABASE, type TestDatabaseServer } from "./database.ts";

const INDEXD_SCHEMA = new URL("../../lib/local/indexd-schema.sql", import.meta.url);
const STORE = new URL("../../lib/store/", import.meta.url);

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // Each test file has its own pool; two workers with a few files' servers and child processes stay far below.
  const server = await startPostgres({ maxConnections: 200 });
  const templateError = await buildTemplate(server).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  const provided: TestDatabaseServer = { adminUrl: server.url("postgres") };
  // Tests that need no database still run when the schema is broken; the others say why.
  project.provide("database", templateError === undefined ? provided : { ...provided, templateError });
  return () => server.stop();
}

async function buildTemplate(server: PostgresServer): Promise<void> {
  const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
  await admin.unsafe(`CREATE DATABASE ${TEMPLATE_DATABASE}`);
  const template = postgres(server.url(TEMPLATE_DATABASE), { max: 1, onnotice: () => {} });
  try {
    await template.unsafe(await readFile(INDEXD_SCHEMA, "utf8"));
    const migrateDatabase = await findMigrateDatabase();
    await migrateDatabase?.(template);
  } finally {
    await template.end();
  }
  // Somebody connected to it would make every clone wait.
  await admin.unsafe(`ALTER DATABASE ${TEMPLATE_DATABASE} ALLOW_CONNECTIONS false IS_TEMPLATE true`);
  await admin.end();
}

/** Our own schema's database migration. Absent only while lib/store is being written. */
async function findMigrateDatabase(): Promise<((sql: postgres.Sql) => Promise<unknown>) | undefined> {
  const files = await readdir(STORE).catch(() => []);
  for (const file of files.filter((name) => name.endsWith(".ts") && name.includes("migrat"))) {
    const module = (await import(new URL(file, STORE).href)) as Record<string, unknown>;
    const found = module["migrateDatabase"];
    if (typeof found === "function") return found as (sql: postgres.Sql) => Promise<unknown>;
  }
  return undefined;
}
