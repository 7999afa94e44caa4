import type { ISql, Sql } from "postgres";
import { quoteName } from "./move-names.ts";

/**
 * All or nothing: the statements of one simple query form one transaction. Settings that the dump makes stay in force
 * for the rest of the session.
 */
export async function loadSchema(sql: Sql, dump: string): Promise<void> {
  await sql.begin(async (tx) => {
    await tx.unsafe(dump);
  });
}

/** Keeps out all roles until the switch, except superusers and the owner of the database. */
export async function closeTarget(sql: Sql, database: string): Promise<void> {
  await sql.unsafe(`revoke connect on database ${quoteName(database)} from public`);
}

/** Whether indexd's and our tables exist; for a target, whether `loadSchema` was done. */
export async function hasSchema(sql: ISql): Promise<boolean> {
  const [row] = await sql<{ found: boolean }[]>`select to_regclass('slabmend.runs') is not null as found`;
  return row!.found;
}

/**
 * Empties a database that was empty before the move, and removes the roles that the move created. Safe to repeat.
 * @param created roles
 */
export async function emptyTarget(
  sql: Sql,
  options: { readonly database: string; readonly created: readonly string[] },
): Promise<void> {
  const { database, created } = options;
  await sql.begin(async (tx) => {
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
