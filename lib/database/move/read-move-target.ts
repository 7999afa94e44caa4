import type { ISql } from "postgres";
import { MOVE } from "./move-names.ts";

/** Facts that decide whether a database can be moved into the connected one. */
export interface MoveTarget {
  /** Up to ten objects that exist already: schemas, relations, functions, types and publications. */
  readonly contents: readonly string[];
  readonly leftovers: readonly string[];
  /** Extensions that the target's server could create. */
  readonly extensions: readonly string[];
  /** Settings that the target's server supports. */
  readonly settingNames: readonly string[];
  readonly roles: readonly string[];
  readonly rolesThatLogIn: readonly string[];
}

/** One statement, catalogue only. */
export async function readMoveTarget(sql: ISql): Promise<MoveTarget> {
  const [row] = await sql<
    {
      contents: string[];
      leftovers: string[];
      extensions: string[];
      setting_names: string[];
      roles: string[];
      login_roles: string[];
    }[]
  >`
    with own_schema as materialized (
      select oid, nspname from pg_namespace where nspname <> 'information_schema' and nspname !~ '^pg_'
    )
    select
      to_jsonb(array(
        select found.name from (
          select 'schema ' || nspname as name from own_schema where nspname <> 'public'
          union all select format('%I.%I', n.nspname, c.relname) from pg_class c join own_schema n on n.oid = c.relnamespace
          union all select format('function %I.%I', n.nspname, p.proname) from pg_proc p join own_schema n on n.oid = p.pronamespace
          union all select format('type %I.%I', n.nspname, t.typname) from pg_type t join own_schema n on n.oid = t.typnamespace
            where t.typtype in ('d', 'e', 'r')
          union all select 'publication ' || pubname from pg_publication
        ) found order by 1 limit 10)) as contents,
      to_jsonb(array(select 'subscription ' || subname from pg_subscription s
        join pg_database d on d.oid = s.subdbid where d.datname = current_database() or s.subname = ${MOVE})) as leftovers,
      to_jsonb(array(select name::text from pg_available_extensions order by 1)) as extensions,
      to_jsonb(array(select name from pg_settings order by 1)) as setting_names,
      to_jsonb(array(select rolname::text from pg_roles order by 1)) as roles,
      to_jsonb(array(select rolname::text from pg_roles where rolcanlogin order by 1)) as login_roles`;
  return {
    contents: row!.contents,
    leftovers: row!.leftovers,
    extensions: row!.extensions,
    settingNames: row!.setting_names,
    roles: row!.roles,
    rolesThatLogIn: row!.login_roles,
  };
}
