/** Closes the source to everyone by PostgreSQL's own means, and opens it again. */
import { randomBytes } from "node:crypto";
import type { ISql, Sql, TransactionSql } from "postgres";
import type { Secret } from "../../secret/secret.ts";
import { scramVerifier } from "../schema/make-fleet-role.ts";
import { MOVE, PROBE, quoteName } from "./move-names.ts";
import { inQuietTransaction } from "./quiet-transaction.ts";

/**
 * The roles that could log in to the source before it was closed. They are stored before it is closed, so that their
 * access can be restored.
 */
export interface SourceAccess {
  /** null: everyone. */
  readonly connect: readonly { readonly role: string | null; readonly mayGrant: boolean }[];
  /** Superusers that lose LOGIN, because revoking CONNECT does not keep out a superuser. */
  readonly logins: readonly string[];
}

/**
 * `logins` names the superusers that own indexd's tables or have a session, but never the role that is connected here.
 */
export async function readSourceAccess(sql: ISql): Promise<SourceAccess> {
  const [row] = await sql<{ connect: { role: string | null; mayGrant: boolean }[]; logins: string[] }[]>`
    select
      coalesce((select jsonb_agg(jsonb_build_object('role', r.rolname, 'mayGrant', a.is_grantable) order by r.rolname)
        from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a left join pg_roles r on r.oid = a.grantee
        where a.privilege_type = 'CONNECT' and r.rolname is distinct from ${MOVE}), '[]') as connect,
      to_jsonb(array(select r.rolname::text from pg_roles r
        where r.rolsuper and r.rolcanlogin and r.rolname <> current_user and (
          r.oid = (select relowner from pg_class where oid = to_regclass('public.slabs'))
          or exists (select from pg_stat_activity s where s.usesysid = r.oid and s.datname = current_database()))
        order by 1)) as logins
    from pg_database d where d.datname = current_database()`;
  return row!;
}

/**
 * Keeps out all roles except the replication role and superusers that keep LOGIN. Safe to repeat. Call it in a
 * transaction.
 */
export async function closeSource(tx: TransactionSql, database: string, access: SourceAccess): Promise<void> {
  for (const { role } of access.connect) {
    await tx.unsafe(`revoke connect on database ${quoteName(database)} from ${grantee(role)} cascade`);
  }
  for (const role of access.logins) await tx.unsafe(`alter role ${quoteName(role)} nologin`);
}

/** Restores what {@link closeSource} revoked. Safe to repeat. Call it in a transaction. */
export async function reopenSource(
  tx: TransactionSql,
  database: string,
  access: SourceAccess,
): Promise<void> {
  for (const { role, mayGrant } of access.connect) {
    const option = mayGrant && role !== null ? " with grant option" : "";
    await tx.unsafe(`grant connect on database ${quoteName(database)} to ${grantee(role)}${option}`);
  }
  for (const role of access.logins) await tx.unsafe(`alter role ${quoteName(role)} login`);
}

/** Statements that let the roles that could connect to the source connect to the target. */
export const openTargetStatements = (
  database: string,
  connect: SourceAccess["connect"],
): readonly string[] => [
  `revoke connect on database ${quoteName(database)} from public`,
  ...connect.map(
    ({ role, mayGrant }) =>
      `grant connect on database ${quoteName(database)} to ${grantee(role)}${mayGrant && role !== null ? " with grant option" : ""}`,
  ),
];

const grantee = (role: string | null): string => (role === null ? "public" : quoteName(role));

/** Ends every session of the source except ours and the replication's. @returns how many were still open */
export async function endSessions(sql: ISql): Promise<number> {
  const [row] = await sql<{ ended: number }[]>`
    select count(pg_terminate_backend(pid))::integer as ended from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;
  return row!.ended;
}

/** Roles that can still log in to the database, except the replication role and the connected one. */
export async function readStillLetIn(sql: ISql, access: SourceAccess): Promise<readonly string[]> {
  const rows = await sql<{ name: string }[]>`
    select rolname::text as name from pg_roles
    where rolcanlogin and rolname <> ${MOVE} and rolname <> current_user
      and case when rolsuper then rolname in (select jsonb_array_elements_text(${JSON.stringify(access.logins)}::text::jsonb))
        else has_database_privilege(oid, current_database(), 'connect') end
    order by 1`;
  return rows.map(({ name }) => name);
}

/**
 * Creates a role for one attempt to log in. The role inherits any privilege to connect that indexd's role, our role or
 * any other role still has. Being a superuser is not inherited: superusers are kept out by losing LOGIN.
 */
export async function makeProbe(sql: Sql, access: SourceAccess, password: Secret<string>): Promise<void> {
  await inQuietTransaction(sql, async (tx) => {
    const [there] = await tx`select from pg_roles where rolname = ${PROBE}`;
    if (there === undefined) await tx.unsafe(`create role ${PROBE} login inherit`);
    await tx.unsafe(`alter role ${PROBE} password '${scramVerifier(password, randomBytes(16))}'`);
    for (const { role } of access.connect) {
      if (role !== null) await tx.unsafe(`grant ${quoteName(role)} to ${PROBE}`);
    }
  });
}

/** Safe to repeat. */
export async function dropProbe(sql: Sql): Promise<void> {
  await sql.unsafe(`drop role if exists ${PROBE}`);
}
