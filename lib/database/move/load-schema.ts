import type { ISql, Sql } from "postgres";
import { MoveError } from "./move-error.ts";
import { quoteName } from "./move-names.ts";

/**
 * Loads the whole dump or nothing: the statements of one simple query form one transaction. Settings that the dump
 * makes stay in force for the rest of the session.
 */
export async function loadSchema(sql: Sql, dump: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe(dump);
  });
}

/** Until the switch, keeps out all roles that are not superusers, even the database's owner. Safe to repeat. */
export async function closeTarget(sql: Sql, database: string): Promise<void> {
  await sql.begin(async (tx) => {
    for (const role of await readConnecting(tx)) {
      const grantee = role === null ? "public" : quoteName(role);
      await tx.unsafe(`revoke connect on database ${quoteName(database)} from ${grantee} cascade`);
    }
  });
}

/** Roles with the right to connect to this database; null: everyone. */
async function readConnecting(sql: ISql): Promise<readonly (string | null)[]> {
  const rows = await sql<{ role: string | null }[]>`
    select r.rolname::text as role
    from pg_database d cross join aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a left join pg_roles r on r.oid = a.grantee
    where d.datname = current_database() and a.privilege_type = 'CONNECT' order by 1`;
  return rows.map(({ role }) => role);
}

/** Whether indexd's and our tables exist; for a target, whether `loadSchema` was done. */
export async function hasSchema(sql: ISql): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`select to_regclass('slabmend.runs') is not null as found`;
  return row!.found;
}

/**
 * Empties a database that was empty before the move, and removes the roles that the move created. Safe to repeat.
 * @param created roles
 * @throws {MoveError} `move-state` if the database has tables and roles may connect to it: then it may have been
 *   opened, and be the live database
 */
export async function emptyTarget(
  sql: Sql,
  options: { readonly database: string; readonly created: readonly string[] },
): Promise<void> {
  const { database, created } = options;
  await sql.begin(async (tx) => {
    const connecting = await readConnecting(tx);
    if (connecting.length > 0 && (await hasTables(tx))) throw notClosed(connecting);
    const extensions = await tx<{ name: string }[]>`
      select extname::text as name from pg_extension where extname <> 'plpgsql'`;
    for (const { name } of extensions) await tx.unsafe(`drop extension ${quoteName(name)} cascade`);
    const schemas = await tx<{ name: string }[]>`
      select nspname::text as name from pg_namespace where nspname <> 'information_schema' and nspname !~ '^pg_'`;
    for (const { name } of schemas) await tx.unsafe(`drop schema ${quoteName(name)} cascade`);
    await tx.unsafe("create schema public authorization pg_database_owner");
    await tx.unsafe("grant usage on schema public to public");
    await tx.unsafe("comment on schema public is 'standard public schema'");
    const roles = await tx<
      { name: string }[]
    >`select rolname::text as name from pg_roles where rolname in (select jsonb_array_elements_text(${JSON.stringify(created)}::text::jsonb))`;
    for (const { name } of roles) await tx.unsafe(`drop owned by ${quoteName(name)}`);
    for (const { name } of roles) await tx.unsafe(`drop role ${quoteName(name)}`);
    await tx.unsafe(`grant connect on database ${quoteName(database)} to public`);
  });
}

async function hasTables(sql: ISql): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`
    select to_regclass('slabmend.runs') is not null or to_regclass('public.slabs') is not null as found`;
  return row!.found;
}

function notClosed(connecting: readonly (string | null)[]): MoveError {
  const names = connecting.map((role) => role ?? "everyone");
  return new MoveError({
    code: "move-state",
    message: `the target: expected that no role may connect to it before the switch, but these may: ${names.slice(0, 5).join(", ")}`,
    remedy:
      "If this is the live database, nothing must be removed. If it was never opened: revoke connect on database … from each, and abort again.",
  });
}
