/**
 * Looks whether indexd's database is one that we may write to, and keeps the answer where every writer compares it
 * (hold-indexd.sql):
 *
 *   slabmend.indexd   (db_version, profile): the version that was verified last, and the version by which to write then;
 *                     without profile nothing is written
 *
 * A writer that finds another db_version there writes nothing and looks again (write-verified.ts). Any other change is
 * noticed by the next claim or reap, which look at the start of each run.
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
 * Reads the catalogue and judges it; writes nothing. Verdicts are values: {@link assertWritable} throws.
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
      `bytea_output is ${found.byteaOutput}, expected hex: keys and roots could not be read`,
    ]);
  }
  return judgeVersion(found.databaseVersion, found, accepted);
}

/**
 * As {@link judgeIndexd}, and keeps the verdict for all writers. Our schema must be there.
 * @throws {StoreError} `wrong-session-settings` when the session does not find what indexd's triggers name
 */
export async function verifyIndexd(sql: ISql, accepted: number | undefined): Promise<Verdict> {
  const found = await readIndexdCatalogue(sql);
  const verdict = judgeFound(found, accepted);
  if (!found.searchPath.findsPublic) {
    // Nothing may be written in such a session, nor in others of this role.
    await keep(sql, found, "search-path", undefined);
    throw wrongSessionSettings([
      `search_path is ${found.searchPath.setting || "empty"}, expected public in it: indexd's triggers name its tables without a schema`,
    ]);
  }
  // It lasts seconds: writers look again instead of giving up.
  if (verdict.kind !== "upgrading") await keep(sql, found, verdict.kind, writableProfile(verdict));
  return verdict;
}

/** A look that began earlier than the one that is kept has seen an older catalogue, and says nothing against it. */
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

/** @throws {IndexdError} when nothing may be written to a database with this verdict */
export function assertWritable(verdict: Verdict): void {
  const refusal = refusalOf(verdict);
  if (refusal !== undefined) throw refusal;
}

/** @throws {IndexdError} `not-indexd` when there is no indexd in this database */
export async function readIndexdCatalogue(sql: ISql): Promise<FoundCatalogue> {
  try {
    return await readCatalogue(sql, TOUCHED);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === UNDEFINED_TABLE) throw notIndexd(cause);
    throw cause;
  }
}
