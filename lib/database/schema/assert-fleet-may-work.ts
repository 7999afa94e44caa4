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
/** What has to be read before anything else can be said about the versions. */
const VERSION_RIGHTS = ["(db_version) on public.global_settings", "(id) on public.global_settings"];
const OUR_VERSION_RIGHTS = ["select on slabmend.database_migrations", "update on slabmend.indexd"];

/** What a fleet that may work should be told all the same. */
export interface FleetStanding {
  /** Whose profile there is. */
  readonly verdict: Verdict;
  /** Rights on columns that came with an upgrade of indexd: until they are granted, something is left undone. */
  readonly missingRights: readonly string[];
}

/**
 * What every function of ours checks before it leases or begins anything, claim and reap in each run: that this is an
 * indexd to which we may write, that our schema is this release's, that the role may do all that the fleet does, that the
 * database takes writes, and that the session is set as our statements need it. A worker would find out at its commit, when
 * all work is done and paid for. Five round trips.
 *
 * @param acceptedVersion the version of indexd's database that an operator has accepted
 * @throws {IndexdError} why nothing may be written
 * @throws {StoreError} `schema-missing`, `indexer-deleted`, `schema-too-old`, `schema-too-new`, `lacks-right`, `read-only-server` or
 *   `wrong-session-settings`
 */
export async function assertFleetMayWork(sql: ISql, acceptedVersion?: number): Promise<FleetStanding> {
  const { missing, missingOfVersion, hasIndexd, hasStore } = await readPrivilegeGaps(sql);
  if (!hasIndexd) throw notIndexd();
  const tombstone = hasStore ? undefined : await readTombstone(sql);
  if (tombstone !== undefined) throw indexerDeleted(tombstone);
  const needed = hasStore ? [...VERSION_RIGHTS, ...OUR_VERSION_RIGHTS] : VERSION_RIGHTS;
  if (missing.some((right) => needed.some((one) => right.endsWith(one)))) throw lacksRights(missing);
  // An older schema, ours or indexd's, lacks tables: that is what has to be said then, not the rights on them.
  if (!hasStore) {
    assertWritable(await judgeIndexd(sql, acceptedVersion));
    assertOurVersion(undefined);
  }
  const [store] = await sql<{ version: number; is_read_only: boolean }[]>`
    select coalesce(max(version), 0) as version, current_setting('transaction_read_only') = 'on' as is_read_only
    from slabmend.database_migrations`;
  const { version, is_read_only: isReadOnly } = store!;
  // Of a server that takes no writes the verdict cannot be kept.
  const verdict = await (isReadOnly ? judgeIndexd : verifyIndexd)(sql, acceptedVersion);
  assertWritable(verdict);
  assertOurVersion(version);
  if (missing.length > 0) throw lacksRights(missing);
  if (isReadOnly) throw takesNoWrites();
  await assertSessionSettings(sql);
  return { verdict, missingRights: missingOfVersion };
}

/** As the server itself would say it at the first write: the deadline client then tries a new connection. */
function takesNoWrites(): Error {
  const cause = Object.assign(new Error("the session is read-only"), { code: READ_ONLY });
  return readOnlyServer("the database", cause);
}

function lacksRights(missing: readonly string[]): StoreError {
  return new StoreError({
    code: "lacks-right",
    message: `the role's rights: expected what slabmend grant prints, but it may not ${nameSome(missing)}`,
    remedy:
      "Apply what `slabmend grant` prints as the owner of the database; again after each upgrade of our schema.",
    details: { missing: missing.length },
  });
}

/** A list of rights for a line of text: the first few, and how many more there are. */
export function nameSome(names: readonly string[]): string {
  const named = names.slice(0, NAMED_AT_MOST).join("; ");
  return names.length > NAMED_AT_MOST ? `${named}; and ${names.length - NAMED_AT_MOST} more` : named;
}
