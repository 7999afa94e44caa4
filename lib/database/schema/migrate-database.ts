/**
 * Migrations of slabmend's schema. All pending migrations and the functions are applied in one transaction, so nothing
 * is left half-done. The advisory lock belongs to this transaction, so it holds behind a transaction pooler too.
 *
 * Each change of tables is a new numbered file. Functions carry no state: they are replaced as a whole if their text
 * differs from the one installed last.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ISql, Sql, TransactionSql } from "postgres";
import { StoreError } from "../client/store-error.ts";
import { assertWritable, verifyIndexd } from "../indexd/version/verify-indexd.ts";
import { readStoreFunctions } from "./store-functions.ts";
import { readTombstone, removeTombstone, type Tombstone } from "./tombstone.ts";

/**
 * The migrations in order; a migration's position in this list, counted from 1, is its version. The baseline is edited
 * in place until the first release; never edit or remove a released file.
 */
const MIGRATIONS = ["0001-baseline.sql"] as const;

/** The version of slabmend's schema that this release needs. */
export const STORE_VERSION = MIGRATIONS.length;

/** An arbitrary number that no other advisory lock uses: indexd takes no advisory locks at all. */
const ADVISORY_LOCK = "8317129687216516708"; // "slabmend" in ASCII

/**
 * Creates slabmend's schema or upgrades it to {@link STORE_VERSION}, if slabmend may write to the database of this
 * version of indexd. Safe to repeat and to run concurrently.
 * @param acceptedVersion the version of indexd's database that an operator has accepted
 * @param again recreates a deleted indexer
 * @throws {StoreError} `schema-too-new`, `schema-moving` or `indexer-deleted`.
 * @throws {IndexdError} if nothing may be written to this indexd's database
 */
export async function migrateDatabase(
  sql: Sql,
  acceptedVersion?: number,
  again = false,
): Promise<{ readonly from: number; readonly to: number }> {
  return await sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(${ADVISORY_LOCK}::bigint)`;
    const from = (await readVersion(tx)) ?? 0;
    if (from > STORE_VERSION) throw tooNew(from);
    if (from > 0) await assertNotMoving(tx);
    if (from === 0) {
      const tombstone = await readTombstone(tx);
      if (tombstone !== undefined && !again) throw indexerDeleted(tombstone);
      if (tombstone !== undefined) await removeTombstone(tx);
      await tx.unsafe(BOOKKEEPING);
    }
    for (const [index, file] of MIGRATIONS.entries()) {
      const version = index + 1;
      if (version <= from) continue;
      await tx.unsafe(readFileSync(new URL(`database-migrations/${file}`, import.meta.url), "utf8"));
      await tx`insert into slabmend.database_migrations (version, name) values (${version}, ${file})`;
    }
    await replaceFunctions(tx);
    assertWritable(await verifyIndexd(tx, acceptedVersion));
    // The hash is copied, because the workers' role may not read it in indexd's table.
    await tx`
      update slabmend.indexd set wallet_hash = g.wallet_hash
      from public.global_settings g where g.id = 0 and g.wallet_hash is not null`;
    return { from, to: STORE_VERSION };
  });
}

/**
 * While the database is being moved, a change of the schema would make the original differ from the copy.
 * @throws {StoreError} `schema-moving`
 */
export async function assertNotMoving(sql: ISql): Promise<void> {
  const [run] = await sql<{ id: string }[]>`
    select id from slabmend.runs where finished_at is null and kind = 'move-database'`;
  if (run === undefined) return;
  throw new StoreError({
    code: "schema-moving",
    message: `schema slabmend: expected no move of the database, got maintenance run ${run.id}, which is unfinished`,
    remedy:
      "Finish the move with slabmend move-database finish, or give it up with slabmend move-database abort.",
    details: { run: run.id },
  });
}

/** @throws {StoreError} `schema-missing`, `schema-too-old` or `schema-too-new`. */
export async function assertStoreVersion(sql: Sql): Promise<void> {
  assertOurVersion(await readVersion(sql));
}

/**
 * @param version undefined: the schema does not exist
 * @throws {StoreError} `schema-missing`, `schema-too-old` or `schema-too-new`.
 */
export function assertOurVersion(version: number | undefined): void {
  if (version === STORE_VERSION) return;
  if (version === undefined) {
    throw new StoreError({
      code: "schema-missing",
      message: `schema slabmend: expected version ${STORE_VERSION}, got none`,
      remedy: "Create it: slabmend init.",
    });
  }
  if (version > STORE_VERSION) throw tooNew(version);
  throw new StoreError({
    code: "schema-too-old",
    message: `schema slabmend: expected version ${STORE_VERSION}, got ${version}`,
    remedy: "Upgrade it: slabmend init.",
    details: { version },
  });
}

export function indexerDeleted({ owner, deletedAt }: Tombstone): StoreError {
  return new StoreError({
    code: "indexer-deleted",
    message: `schema slabmend: expected version ${STORE_VERSION}, but this indexer was deleted at ${deletedAt.toISOString()} by ${owner}`,
    remedy: "Remove it from the configuration, or recreate it: slabmend init --again.",
  });
}

export function tooNew(version: number): StoreError {
  return new StoreError({
    code: "schema-too-new",
    message: `schema slabmend: expected version ${STORE_VERSION} or older, got ${version}`,
    remedy: "Deploy the newer slabmend that created this schema; nothing was changed.",
    details: { version },
  });
}

const BOOKKEEPING = `
  create schema if not exists slabmend;
  create table slabmend.database_migrations (
    version integer primary key,
    name text not null,
    applied_at timestamptz not null default clock_timestamp()
  );
  create table slabmend.installed_functions (
    id smallint primary key default 0 check (id = 0),
    sha256 text not null
  );`;

/** Undefined: the schema does not exist. */
async function readVersion(sql: Sql | TransactionSql): Promise<number | undefined> {
  const [exists] = await sql<{ found: boolean }[]>`
    select to_regclass('slabmend.database_migrations') is not null as found`;
  if (exists?.found !== true) return undefined;
  const [row] = await sql<{ version: number }[]>`
    select coalesce(max(version), 0) as version from slabmend.database_migrations`;
  return row?.version ?? 0;
}

async function replaceFunctions(tx: TransactionSql): Promise<void> {
  const statements = readStoreFunctions();
  const sha256 = createHash("sha256").update(statements.join("\0")).digest("hex");
  const [installed] = await tx<{ sha256: string }[]>`select sha256 from slabmend.installed_functions`;
  if (installed?.sha256 === sha256) return;
  for (const statement of statements) await tx.unsafe(statement);
  await tx`
    insert into slabmend.installed_functions (sha256) values (${sha256})
    on conflict (id) do update set sha256 = excluded.sha256`;
}
