/**
 * The roles that a database needs, with their passwords and settings, which a dump of a single database does not
 * contain.
 */
import type { ISql, Sql } from "postgres";
import { Secret } from "../../secret/secret.ts";
import { MOVE, PROBE, quoteName, quoteText } from "./move-names.ts";
import { inQuietTransaction } from "./quiet-transaction.ts";

export interface MoveRole {
  readonly name: string;
  readonly isSuperuser: boolean;
  readonly inherits: boolean;
  readonly createsRoles: boolean;
  readonly createsDatabases: boolean;
  readonly logsIn: boolean;
  readonly replicates: boolean;
  readonly bypassesRowSecurity: boolean;
  /** -1: no limit. */
  readonly connectionLimit: number;
  readonly validUntil: string | null;
  /** The stored verifier, never the password itself. */
  readonly verifier: Secret<string> | undefined;
}

export interface MoveMembership {
  readonly role: string;
  readonly member: string;
  readonly admin: boolean;
  readonly inherit: boolean;
  readonly set: boolean;
}

/** One entry of pg_db_role_setting; role, database or both are set. */
export interface MoveSetting {
  readonly role: string | null;
  /** Applies to this database only. */
  readonly ofDatabase: boolean;
  readonly name: string;
  readonly value: string;
}

export interface MoveRoles {
  readonly roles: readonly MoveRole[];
  readonly memberships: readonly MoveMembership[];
  readonly settings: readonly MoveSetting[];
}

interface RoleRow {
  readonly rolname: string;
  readonly rolsuper: boolean;
  readonly rolinherit: boolean;
  readonly rolcreaterole: boolean;
  readonly rolcreatedb: boolean;
  readonly rolcanlogin: boolean;
  readonly rolreplication: boolean;
  readonly rolbypassrls: boolean;
  readonly rolconnlimit: number;
  readonly rolvaliduntil: string | null;
  readonly rolpassword: string | null;
}

/**
 * Roles that own something in this database or have a privilege in it; also, for every role found, the roles of which
 * it is a member, and those of its members that are not superusers. PostgreSQL's own roles exist everywhere and are
 * left out. Reads pg_authid, so it needs a superuser.
 */
export async function readMoveRoles(sql: ISql): Promise<MoveRoles> {
  const [row] = await sql<{ roles: RoleRow[]; memberships: MoveMembership[]; settings: MoveSetting[] }[]>`
    with recursive database as materialized (
      select oid, datdba from pg_database where datname = current_database()
    ), edge as materialized (
      select m.member as at, m.roleid as other from pg_auth_members m
      union all
      select m.roleid, m.member from pg_auth_members m join pg_roles r on r.oid = m.member where not r.rolsuper
    ), involved (oid) as (
      select found.oid from (
        select refobjid as oid from pg_shdepend d cross join database b
        where d.refclassid = 'pg_authid'::regclass
          and (d.dbid = b.oid or (d.dbid = 0 and d.classid = 'pg_database'::regclass and d.objid = b.oid))
        union select datdba from database
        union select c.relowner from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname <> 'information_schema' and n.nspname !~ '^pg_'
      ) found
      union
      select e.other from involved i join edge e on e.at = i.oid
    ), role as materialized (
      select a.* from pg_authid a join involved i on i.oid = a.oid
      where a.rolname !~ '^pg_' and a.rolname not in (${MOVE}, ${PROBE})
    )
    select
      coalesce((select jsonb_agg(to_jsonb(r) order by r.rolname) from role r), '[]') as roles,
      coalesce((select jsonb_agg(jsonb_build_object('role', g.rolname, 'member', r.rolname, 'admin', m.admin_option,
          'inherit', m.inherit_option, 'set', m.set_option) order by g.rolname, r.rolname)
        from pg_auth_members m join pg_authid g on g.oid = m.roleid join role r on r.oid = m.member), '[]') as memberships,
      coalesce((select jsonb_agg(jsonb_build_object('role', r.rolname, 'ofDatabase', s.setdatabase <> 0,
          'name', split_part(entry, '=', 1), 'value', substr(entry, strpos(entry, '=') + 1)) order by r.rolname, entry)
        from pg_db_role_setting s cross join unnest(s.setconfig) entry
        left join role r on r.oid = s.setrole
        where (s.setdatabase = 0 and r.oid is not null)
          or (s.setdatabase = (select oid from database) and (s.setrole = 0 or r.oid is not null))), '[]') as settings`;
  return {
    roles: row!.roles.map(roleOf),
    memberships: row!.memberships,
    settings: row!.settings,
  };
}

function roleOf(row: RoleRow): MoveRole {
  return {
    name: row.rolname,
    isSuperuser: row.rolsuper,
    inherits: row.rolinherit,
    createsRoles: row.rolcreaterole,
    createsDatabases: row.rolcreatedb,
    logsIn: row.rolcanlogin,
    replicates: row.rolreplication,
    bypassesRowSecurity: row.rolbypassrls,
    connectionLimit: row.rolconnlimit,
    validUntil: row.rolvaliduntil,
    verifier: row.rolpassword === null ? undefined : new Secret(row.rolpassword),
  };
}

/** Settings whose value is a list of names: PostgreSQL (GUC_LIST_QUOTE) stores these names already quoted. */
const LISTS = new Set([
  "search_path",
  "local_preload_libraries",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
]);

/** Pure. None of these roles can log in before the target is opened. */
export function createRoleStatements(roles: readonly MoveRole[]): readonly string[] {
  return roles.map(
    (role) =>
      `create role ${quoteName(role.name)} nologin ${[
        [role.isSuperuser, "superuser"],
        [role.inherits, "inherit"],
        [role.createsRoles, "createrole"],
        [role.createsDatabases, "createdb"],
        [role.replicates, "replication"],
        [role.bypassesRowSecurity, "bypassrls"],
      ]
        .map(([has, word]) => (has === true ? word : `no${String(word)}`))
        .join(" ")} connection limit ${role.connectionLimit}`,
  );
}

/**
 * Pure. Statements that let the roles that the move created log in. They contain the verifiers of the roles' passwords.
 */
export function openRoleStatements(roles: readonly MoveRole[]): readonly string[] {
  return roles.map(
    (role) =>
      `alter role ${quoteName(role.name)} ${role.logsIn ? "login" : "nologin"} password ${
        role.verifier === undefined ? "null" : quoteText(role.verifier.reveal())
      }${role.validUntil === null ? "" : ` valid until ${quoteText(role.validUntil)}`}`,
  );
}

/** Pure. */
export function membershipStatements(
  memberships: readonly MoveMembership[],
  created: ReadonlySet<string>,
): readonly string[] {
  return memberships
    .filter(({ member, role }) => created.has(member) || created.has(role))
    .map(
      ({ role, member, admin, inherit, set }) =>
        `grant ${quoteName(role)} to ${quoteName(member)} with admin ${admin}, inherit ${inherit}, set ${set}`,
    );
}

/** Pure. A role's settings for all databases are included only if the move created the role. */
export function settingStatements(
  settings: readonly MoveSetting[],
  options: { readonly database: string; readonly created: ReadonlySet<string> },
): readonly string[] {
  const { database, created } = options;
  return settings
    .filter(({ role, ofDatabase }) => ofDatabase || (role !== null && created.has(role)))
    .map(({ role, ofDatabase, name, value }) => {
      const inDatabase = ofDatabase ? ` in database ${quoteName(database)}` : "";
      const of = role === null ? `database ${quoteName(database)}` : `role ${quoteName(role)}${inDatabase}`;
      const quoted = LISTS.has(name) && value !== "" ? value : quoteText(value);
      return `alter ${of} set ${name.split(".").map(quoteName).join(".")} to ${quoted}`;
    });
}

/** Creates missing roles, without login, and their memberships. Safe to repeat. */
export async function createRoles(sql: Sql, found: MoveRoles, created: ReadonlySet<string>): Promise<void> {
  await inQuietTransaction(sql, async (tx) => {
    const there = await readRoleNames(tx);
    const missing = found.roles.filter(({ name }) => created.has(name) && !there.has(name));
    for (const statement of createRoleStatements(missing)) await tx.unsafe(statement);
    for (const statement of membershipStatements(found.memberships, created)) await tx.unsafe(statement);
  });
}

export async function readRoleNames(sql: ISql): Promise<ReadonlySet<string>> {
  const rows = await sql<{ name: string }[]>`select rolname::text as name from pg_roles`;
  return new Set(rows.map(({ name }) => name));
}
