/**
 * Checks whether we may write to indexd's database, and stores the answer in a row that every writer compares with
 * db_version (hold-indexd.sql):
 *
 *   slabmend.indexd   (db_version, profile): the version last verified, and the version whose rules apply to writes;
 *                     without a profile nothing is written
 *
 * A writer that finds another db_version writes nothing and verifies again (write-verified.ts). A change of the schema
 * without a new db_version is noticed by the next claim or reap, which verify at the start of each run.
 */
import type { ISql } from "postgres";
import { wrongSessionSettings } from "../../client/session-settings.ts";
import { notIndexd } from "../errors.ts";
import { judgeVersion, type Verdict, writableProfile } from "./judge-version.ts";
import { type Profile, TOUCHED } from "./profiles.ts";
import { type FoundCatalogue, readCatalogue } from "./read-catalogue.ts";
import { refusalOf } from "./refused-version.ts";

const UNDEFINED_TABLE = "42P01";

/**
 * Reads the catalogue and judges it; writes nothing. A verdict that forbids writing is returned, not thrown; see
 * {@link assertWritable}.
 * @param accepted the version that an operator has accepted: SLABMEND_ACCEPT_INDEXD_VERSION
 * @throws {IndexdError} `not-indexd`
 */
export async function judgeIndexd(sql: ISql, accepted: number | undefined): Promise<Verdict> {
  return judgeFound(await readIndexdCatalogue(sql), accepted);
}

function judgeFound(found: FoundCatalogue, accepted: number | undefined): Verdict {
  if (found.databaseVersion === undefined) throw notIndexd();
  if (found.byteaOutput !== "hex") {
    throw wrongSessionSettings([
      `bytea_output is ${found.byteaOutput}, expected hex: otherwise keys and roots cannot be read`,
    ]);
  }
  return judgeVersion(found.databaseVersion, found, accepted);
}

/**
 * Like {@link judgeIndexd}, and stores the verdict for all writers. slabmend's schema must exist.
 * @throws {StoreError} `wrong-session-settings` if the session's search_path misses tables that indexd's triggers name
 */
export async function verifyIndexd(sql: ISql, accepted: number | undefined): Promise<Verdict> {
  const found = await readIndexdCatalogue(sql);
  const verdict = judgeFound(found, accepted);
  if (!found.searchPath.findsPublic) {
    // No writer may write now, because the other sessions of the same role have the same search_path.
    await keep(sql, found, "search-path", undefined);
    throw wrongSessionSettings([
      `search_path is ${found.searchPath.setting || "empty"}, expected to include public: indexd's triggers name its tables without a schema`,
    ]);
  }
  // During an upgrade no verdict is stored: an upgrade takes only seconds, and writers verify again instead of giving
  // up.
  if (verdict.kind !== "upgrading") await keep(sql, found, verdict.kind, writableProfile(verdict));
  return verdict;
}

/**
 * Stores the result of a check, unless another check has stored its result since this check began to read: the other
 * may have read a newer catalogue.
 */
async function keep(
  sql: ISql,
  { readAt, databaseVersion }: FoundCatalogue,
  verdict: string,
  profile: Profile | undefined,
): Promise<void> {
  const version = databaseVersion ?? null;
  await sql`
    update slabmend.indexd i
    set db_version = ${version}, profile = ${profile ?? null}, verdict = ${verdict}, checked_at = clock_timestamp()
    where (i.db_version, i.profile, i.verdict)
        is distinct from (${version}::integer, ${profile ?? null}::integer, ${verdict}::text)
      and (i.checked_at is null or i.checked_at <= ${readAt}::text::timestamptz)`;
}

/** @throws {IndexdError} if nothing may be written to a database with this verdict */
export function assertWritable(verdict: Verdict): void {
  const refusal = refusalOf(verdict);
  if (refusal !== undefined) throw refusal;
}

/** @throws {IndexdError} `not-indexd` if this database has no indexd */
export async function readIndexdCatalogue(sql: ISql): Promise<FoundCatalogue> {
  try {
    return await readCatalogue(sql, TOUCHED);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === UNDEFINED_TABLE) throw notIndexd(cause);
    throw cause;
  }
}
