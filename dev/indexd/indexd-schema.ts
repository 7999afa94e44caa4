/**
 * The part of indexd's database that repair reads or writes, and what its foreign keys need, as each release of indexd
 * creates it or upgrades an older one to it. A fixture for tests and for the local runtime only: in production these tables
 * are indexd's own and are never created or altered by us. Facts: docs/protocol.md#database-schema.
 */
import { readFileSync } from "node:fs";
import type { Sql } from "postgres";

/** Database versions that a release of indexd starts with, by the first release that does. */
export const INDEXD_RELEASES = { "0.4.4": 22, "0.5.0": 23, "0.6.1": 26 } as const;

export type IndexdRelease = keyof typeof INDEXD_RELEASES;
export type FixtureVersion = (typeof INDEXD_RELEASES)[IndexdRelease];

export const NEWEST_RELEASE: IndexdRelease = "0.6.1";
export const NEWEST_VERSION: FixtureVersion = INDEXD_RELEASES[NEWEST_RELEASE];

/** What each version looks like in a new database. 23 only appended to 22, so there its upgrade says it all. */
const FRESH: Readonly<Record<FixtureVersion, readonly string[]>> = {
  22: ["fresh-22.sql"],
  23: ["fresh-22.sql", "upgrade-to-23.sql"],
  26: ["fresh-26.sql", "repair-statistics-26.sql"],
};

/** In their order, one transaction each: so does indexd, and a database passes through 24 and 25. */
const UPGRADES: readonly { readonly to: number; readonly files: readonly string[] }[] = [
  { to: 23, files: ["upgrade-to-23.sql"] },
  { to: 24, files: ["upgrade-to-24.sql"] },
  { to: 25, files: ["upgrade-to-25.sql"] },
  { to: 26, files: ["upgrade-to-26.sql", "repair-statistics-26.sql"] },
];

/** The statements that make a new database of this version; for one that is empty, PostgreSQL 15 or newer. */
export function indexdSchema(version: FixtureVersion = NEWEST_VERSION): string {
  return ["accounts-to-sectors.sql", ...FRESH[version], "slab-sectors-to-objects.sql"].map(read).join("\n");
}

/** What indexd's upgrade from one version to the next runs in one transaction. */
export function upgradeStatements(to: number): string {
  const upgrade = UPGRADES.find((step) => step.to === to);
  if (upgrade === undefined) throw new RangeError(`upgrade: expected 23 to 26, got ${to}`);
  return upgrade.files.map(read).join("\n");
}

/** Upgrades a database with its data, one transaction a version, as indexd does when it starts. */
export async function upgradeIndexd(sql: Sql, to: number = NEWEST_VERSION): Promise<void> {
  const [row] = await sql<{ db_version: number }[]>`select db_version from public.global_settings`;
  for (let version = row!.db_version + 1; version <= to; version++) {
    await sql.begin((tx) => tx.unsafe(upgradeStatements(version)));
  }
}

function read(file: string): string {
  return readFileSync(new URL(`schema/${file}`, import.meta.url), "utf8");
}
