/**
 * Those tables of indexd's database that repair reads or writes, and the tables to which their foreign keys refer. They
 * can be created as a release of indexd creates them, or upgraded as a release upgrades an older database. Only a
 * fixture for tests and the local runtime: in production these tables are indexd's own, and we never create or alter
 * them. Facts: docs/protocol.md#database-schema.
 */
import { readFileSync } from "node:fs";
import type { Sql } from "postgres";

/** Database versions of indexd, each with one release that has it. Release 0.6.0 has the same version as 0.6.1. */
export const INDEXD_RELEASES = { "0.4.4": 22, "0.5.0": 23, "0.6.1": 26 } as const;

export type IndexdRelease = keyof typeof INDEXD_RELEASES;
export type FixtureVersion = (typeof INDEXD_RELEASES)[IndexdRelease];

export const NEWEST_RELEASE: IndexdRelease = "0.6.1";
export const NEWEST_VERSION: FixtureVersion = INDEXD_RELEASES[NEWEST_RELEASE];

/**
 * The files that create a new database of each version. Version 23 only adds to version 22: its new database is
 * that of version 22 after the upgrade script.
 */
const FRESH: Readonly<Record<FixtureVersion, readonly string[]>> = {
  22: ["fresh-22.sql"],
  23: ["fresh-22.sql", "upgrade-to-23.sql"],
  26: ["fresh-26.sql", "repair-statistics-26.sql"],
};

/**
 * The upgrades in order. Each upgrade runs in a transaction of its own, as in indexd. So a database that is upgraded
 * from 23 to 26 has the versions 24 and 25 in between.
 */
const UPGRADES: readonly { readonly to: number; readonly files: readonly string[] }[] = [
  { to: 23, files: ["upgrade-to-23.sql"] },
  { to: 24, files: ["upgrade-to-24.sql"] },
  { to: 25, files: ["upgrade-to-25.sql"] },
  { to: 26, files: ["upgrade-to-26.sql", "repair-statistics-26.sql"] },
];

/**
 * The statements that create indexd's tables of this version in an empty database. They need PostgreSQL 15 or newer.
 */
export function indexdSchema(version: FixtureVersion = NEWEST_VERSION): string {
  return ["accounts-to-sectors.sql", ...FRESH[version], "slab-sectors-to-objects.sql"].map(read).join("\n");
}

/** The statements of indexd's upgrade from version `to - 1` to `to`. They must run in one transaction. */
export function upgradeStatements(to: number): string {
  const upgrade = UPGRADES.find((step) => step.to === to);
  if (upgrade === undefined) throw new RangeError(`upgrade: expected 23 to 26, got ${to}`);
  return upgrade.files.map(read).join("\n");
}

/** Upgrades a database with its data, one transaction per version, as indexd does at its start. */
export async function upgradeIndexd(sql: Sql, to: number = NEWEST_VERSION): Promise<void> {
  const [row] = await sql<{ db_version: number }[]>`select db_version from public.global_settings`;
  for (let version = row!.db_version + 1; version <= to; version++) {
    await sql.begin((tx) => tx.unsafe(upgradeStatements(version)));
  }
}

function read(file: string): string {
  return readFileSync(new URL(`schema/${file}`, import.meta.url), "utf8");
}
