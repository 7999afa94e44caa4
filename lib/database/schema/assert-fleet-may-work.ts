import type { ISql } from "postgres";
import { StoreError } from "../client/store-error.ts";
import { assertKnown, notIndexd } from "../indexd/database-version.ts";
import { assertOurVersion } from "./migrate-database.ts";
import { readPrivilegeGaps } from "./missing-privileges.ts";

const NAMED_AT_MOST = 5;
/** What has to be read before anything else can be said about the versions. */
const VERSION_RIGHTS = ["(db_version) on public.global_settings", "(id) on public.global_settings"];

/**
 * What every function of ours checks once per execution environment, before it leases or begins anything: that this is an
 * indexd that we know, that our schema is this release's, and that the role may do all that the fleet does. A worker
 * without a right would find out at its commit, when all work is done and paid for. Two round trips.
 *
 * @throws {IndexdError} `not-indexd` or `unknown-database-version`
 * @throws {StoreError} `schema-missing`, `schema-too-old`, `schema-too-new` or `lacks-right`
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
  // An older schema, ours or indexd's, lacks tables: that is what has to be said then, not the rights on them.
  const [versions] = await (hasStore
    ? sql<Versions[]>`
        select (select db_version from public.global_settings where id = 0) as indexd,
          (select coalesce(max(version), 0) from slabmend.database_migrations) as store`
    : sql<Versions[]>`
        select (select db_version from public.global_settings where id = 0) as indexd, null as store`);
  if (versions!.indexd === null) throw notIndexd();
  assertKnown(versions!.indexd);
  assertOurVersion(versions!.store ?? undefined);
  if (missing.length > 0) throw lacksRights(missing);
}

interface Versions {
  readonly indexd: number | null;
  readonly store: number | null;
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
