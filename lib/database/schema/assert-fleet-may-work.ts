import type { ISql } from "postgres";
import { READ_ONLY, readOnlyServer } from "../client/read-only-server.ts";
import { assertSessionSettings } from "../client/session-settings.ts";
import { StoreError } from "../client/store-error.ts";
import { assertKnown, notIndexd } from "../indexd/database-version.ts";
import { assertOurVersion } from "./migrate-database.ts";
import { readPrivilegeGaps } from "./missing-privileges.ts";

const NAMED_AT_MOST = 5;
/** What has to be read before anything else can be said about the versions. */
const VERSION_RIGHTS = ["(db_version) on public.global_settings", "(id) on public.global_settings"];

/**
 * What every function of ours checks once per execution environment, before it leases or begins anything: that this is an
 * indexd that we know, that our schema is this release's, that the role may do all that the fleet does, that the database takes writes, and that
 * the session is set as our statements need it. A worker would find out at its commit, when all work is done and paid for. Three round trips.
 *
 * @throws {IndexdError} `not-indexd` or `unknown-database-version`
 * @throws {StoreError} `schema-missing`, `schema-too-old`, `schema-too-new`, `lacks-right`, `read-only-server` or `wrong-session-settings`
 */
export async function assertFleetMayWork(sql: ISql): Promise<void> {
  const { missing, hasIndexd, hasStore } = await readPrivilegeGaps(sql);
  if (!hasIndexd) throw notIndexd();
  const mayReadVersions = !missing.some(
    (right) =>
      VERSION_RIGHTS.some((needed) => right.endsWith(needed)) ||
      (hasStore && right === "select on slabmend.database_migrations"),
  );
  if (!mayReadVersions) throw lacksRights(missing);
  const isReadOnly = sql`current_setting('transaction_read_only') = 'on'`;
  // An older schema, ours or indexd's, lacks tables: that is what has to be said then, not the rights on them.
  const [versions] = await (hasStore
    ? sql<Versions[]>`
        select (select db_version from public.global_settings where id = 0) as indexd, ${isReadOnly} as "isReadOnly",
          (select coalesce(max(version), 0) from slabmend.database_migrations) as store`
    : sql<Versions[]>`
        select (select db_version from public.global_settings where id = 0) as indexd, ${isReadOnly} as "isReadOnly",
          null as store`);
  if (versions!.indexd === null) throw notIndexd();
  assertKnown(versions!.indexd);
  assertOurVersion(versions!.store ?? undefined);
  if (missing.length > 0) throw lacksRights(missing);
  if (versions!.isReadOnly) throw takesNoWrites();
  await assertSessionSettings(sql);
}

interface Versions {
  readonly indexd: number | null;
  readonly store: number | null;
  readonly isReadOnly: boolean;
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

/** A list of rights for a line of text: the first few, and how many there are besides. */
export function nameSome(names: readonly string[]): string {
  const named = names.slice(0, NAMED_AT_MOST).join("; ");
  return names.length > NAMED_AT_MOST ? `${named}; and ${names.length - NAMED_AT_MOST} more` : named;
}
