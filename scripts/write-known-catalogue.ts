/**
 * Writes lib/database/indexd/version/known-catalogue.json from the fixtures of indexd's database: the definition of
 * each table and function, with the versions that have it. Run it after changing a fixture; a test compares the file
 * with the fixtures.
 *
 *   node scripts/write-known-catalogue.ts
 */
import { writeFile } from "node:fs/promises";
import postgres from "postgres";
import { indexdSchema } from "../dev/indexd/indexd-schema.ts";
import { startPostgres } from "../dev/postgres/postgres.ts";
import { PROFILES, TOUCHED } from "../lib/database/indexd/version/profiles.ts";
import { readCatalogue } from "../lib/database/indexd/version/read-catalogue.ts";

const FILE = new URL("../lib/database/indexd/version/known-catalogue.json", import.meta.url);

type Entries = Record<string, ({ versions: number[] } & Record<string, unknown>)[]>;

const known = { tables: {} as Entries, functions: {} as Entries };
const server = await startPostgres();
try {
  for (const version of PROFILES) {
    const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
    await admin.unsafe(`create database v${version}`).finally(() => admin.end());
    const sql = postgres(server.url(`v${version}`), { max: 1, onnotice: () => {} });
    await sql.unsafe(indexdSchema(version));
    const { tables, functions } = await readCatalogue(sql, TOUCHED).finally(() => sql.end());
    collect(known.tables, tables as unknown as Record<string, Record<string, unknown>>, version);
    collect(known.functions, functions as unknown as Record<string, Record<string, unknown>>, version);
  }
} finally {
  await server.stop();
}
await writeFile(FILE, `${JSON.stringify(known, null, 2)}\n`);

function collect(into: Entries, found: Record<string, Record<string, unknown>>, version: number): void {
  for (const [name, entry] of Object.entries(found)) {
    const entries = into[name] ?? [];
    into[name] = entries;
    const same = entries.find(({ versions: _, ...known }) => JSON.stringify(known) === JSON.stringify(entry));
    if (same === undefined) entries.push({ versions: [version], ...entry });
    else same.versions.push(version);
  }
}
