import type { ISql } from "postgres";
import { IndexdError } from "./errors.ts";

/** Versions of `global_settings.db_version` whose tables are those that our statements were written for: docs/protocol.md. */
export const KNOWN_DATABASE_VERSIONS: readonly number[] = [22];

const UNDEFINED_TABLE = "42P01";

/** @throws IndexdError `not-indexd` when there is no indexd in this database */
export async function readDatabaseVersion(sql: ISql): Promise<number> {
  let rows: readonly { db_version: number }[];
  try {
    rows = await sql<{ db_version: number }[]>`select db_version from public.global_settings where id = 0`;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === UNDEFINED_TABLE) throw notIndexd(cause);
    throw cause;
  }
  if (rows[0] === undefined) throw notIndexd();
  return rows[0].db_version;
}

/** @throws IndexdError before anything is read or written on a database whose tables may mean something else */
export async function assertKnownDatabaseVersion(sql: ISql): Promise<void> {
  assertKnown(await readDatabaseVersion(sql));
}

/** @throws IndexdError `unknown-database-version`, which names the versions that we know */
export function assertKnown(version: number): void {
  if (KNOWN_DATABASE_VERSIONS.includes(version)) return;
  throw new IndexdError({
    code: "unknown-database-version",
    message: `global_settings.db_version: expected ${KNOWN_DATABASE_VERSIONS.join(" or ")}, got ${version}`,
    remedy: "Use a release of slabmend that knows this version of indexd, and stop the fleet until then.",
    details: { version },
  });
}

export function notIndexd(cause?: unknown): IndexdError {
  return new IndexdError({
    code: "not-indexd",
    message: "public.global_settings: expected indexd's one row of settings, got none",
    remedy: "Check the database URL, and that indexd has started once on this database.",
    cause,
  });
}
