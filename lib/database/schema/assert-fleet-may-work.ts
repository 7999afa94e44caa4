import type { ISql } from "postgres";
import { READ_ONLY, readOnlyServer } from "../client/read-only-server.ts";
import { assertSessionSettings } from "../client/session-settings.ts";
import { StoreError } from "../client/store-error.ts";
import { notIndexd } from "../indexd/errors.ts";
import type { Verdict } from "../indexd/version/judge-version.ts";
import { assertWritable, judgeIndexd, verifyIndexd } from "../indexd/version/verify-indexd.ts";
import { assertOurVersion, indexerDeleted } from "./migrate-database.ts";
import { readPrivilegeGaps } from "./missing-privileges.ts";
import { readTombstone } from "./tombstone.ts";

const NAMED_AT_MOST = 5;
/** These privileges are checked first, because without them the versions cannot be determined. */
const VERSION_RIGHTS = ["(db_version) on public.global_settings", "(id) on public.global_settings"];
const OUR_VERSION_RIGHTS = ["select on slabmend.database_migrations", "update on slabmend.indexd"];

/** Findings to report even though the fleet may work. */
export interface FleetStanding {
  /** Which profile of indexd's schema applies. */
  readonly verdict: Verdict;
  /** Missing privileges on columns added by an upgrade of indexd: without them some work is not done. */
  readonly missingRights: readonly string[];
}

/**
 * The check that each of our functions and commands makes before it leases or begins anything; claim and reap make it
 * in each run. The requirements: indexd's database has a version to which slabmend may write, our schema is that of
 * this release, the role has all privileges that the fleet needs, the database accepts writes, and the session has the
 * settings that our statements need. Without this check a worker would fail at its commit, when all work is done and
 * paid for. Five round trips.
 *
 * @param acceptedVersion the version of indexd's database that an operator has accepted
 * @throws {IndexdError} the reason why nothing may be written
 * @throws {StoreError} `schema-missing`, `indexer-deleted`, `schema-too-old`, `schema-too-new`, `lacks-right`,
 *   `read-only-server` or `wrong-session-settings`
 */
export async function assertFleetMayWork(sql: ISql, acceptedVersion?: number): Promise<FleetStanding> {
  const { missing, missingOfVersion, hasIndexd, hasStore } = await readPrivilegeGaps(sql);
  if (!hasIndexd) throw notIndexd();
  const tombstone = hasStore ? undefined : await readTombstone(sql);
  if (tombstone !== undefined) throw indexerDeleted(tombstone);
  const needed = hasStore ? [...VERSION_RIGHTS, ...OUR_VERSION_RIGHTS] : VERSION_RIGHTS;
  if (missing.some((right) => needed.some((one) => right.endsWith(one)))) throw lacksRights(missing);
  // If a schema, ours or indexd's, is too old, tables are missing: report the old schema rather than missing
  // privileges.
  if (!hasStore) {
    assertWritable(await judgeIndexd(sql, acceptedVersion));
    assertOurVersion(undefined);
  }
  const [store] = await sql<{ version: number; is_read_only: boolean }[]>`
    select coalesce(max(version), 0) as version, current_setting('transaction_read_only') = 'on' as is_read_only
    from slabmend.database_migrations`;
  const { version, is_read_only: isReadOnly } = store!;
  // On a read-only server the verdict cannot be stored.
  const verdict = await (isReadOnly ? judgeIndexd : verifyIndexd)(sql, acceptedVersion);
  assertWritable(verdict);
  assertOurVersion(version);
  if (missing.length > 0) throw lacksRights(missing);
  if (isReadOnly) throw takesNoWrites();
  await assertSessionSettings(sql);
  return { verdict, missingRights: missingOfVersion };
}

/**
 * The error that the server itself would raise at the first write: after this error the deadline client tries a new
 * connection.
 */
function takesNoWrites(): Error {
  const cause = Object.assign(new Error("the session is read-only"), { code: READ_ONLY });
  return readOnlyServer("the database", cause);
}

function lacksRights(missing: readonly string[]): StoreError {
  return new StoreError({
    code: "lacks-right",
    message: `the role's privileges: expected those that slabmend grant prints, missing ${nameSome(missing)}`,
    remedy:
      "Run the output of `slabmend grant` as the owner of the database; repeat this after each upgrade of slabmend's schema.",
    details: { missing: missing.length },
  });
}

/** A list of privileges for a line of text: the first few, and the number of the others. */
export function nameSome(names: readonly string[]): string {
  const named = names.slice(0, NAMED_AT_MOST).join("; ");
  return names.length > NAMED_AT_MOST ? `${named}; and ${names.length - NAMED_AT_MOST} more` : named;
}
