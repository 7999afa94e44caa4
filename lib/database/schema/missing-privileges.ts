import type { ISql } from "postgres";
import { FLEET_PRIVILEGES, FLEET_SEQUENCES } from "./fleet-privileges.ts";

export interface PrivilegeGaps {
  /** What the fleet does and this role may not, as "update (host_id) on public.sectors". */
  readonly missing: readonly string[];
  /** Of tables that are not there no right can be missing: whether indexd's and ours are. */
  readonly hasIndexd: boolean;
  readonly hasStore: boolean;
  /** Kinds of what this role may do to indexd's tables and the fleet never does. */
  readonly excessive: readonly string[];
}

interface Need {
  readonly table: string;
  readonly privilege: string;
  readonly column: string | null;
}

/**
 * Compares the rights of whoever is connected with FLEET_PRIVILEGES. One statement that reads the catalogue only, which
 * every role may: names are looked up there, because to_regclass fails in a schema that the role may not use.
 */
export async function readPrivilegeGaps(sql: ISql): Promise<PrivilegeGaps> {
  const needs = JSON.stringify(FLEET_PRIVILEGES.flatMap(needsOf));
  const [row] = await sql<
    { missing: string[]; excessive: string[]; has_indexd: boolean; has_store: boolean }[]
  >`
    with relation as materialized (
      select c.oid, c.relowner, n.nspname || '.' || c.relname as name,
        has_schema_privilege(n.oid, 'usage') as in_use
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'slabmend') and c.relkind in ('r', 'p', 'v', 'S')
    )
    select
      to_jsonb(array(
        select n.privilege || coalesce(' (' || n."column" || ')', '') || ' on ' || n."table"
        from jsonb_to_recordset(${needs}::text::jsonb)
          as n ("table" text, privilege text, "column" text)
        left join relation t on t.name = n."table"
        where not coalesce(
          t.in_use
          and case
            when n."column" is null then has_table_privilege(t.oid, n.privilege)
            else exists (
              select from pg_attribute a
              where a.attrelid = t.oid and a.attname = n."column" and not a.attisdropped
                and has_column_privilege(t.oid, a.attnum, n.privilege))
          end, false)
        order by n."table", n.privilege, n."column"
      ) || array(
        select 'usage on ' || s.name
        from jsonb_array_elements_text(${JSON.stringify(FLEET_SEQUENCES)}::text::jsonb) as s (name)
        left join relation t on t.name = s.name
        where not coalesce(t.in_use and has_sequence_privilege(t.oid, 'usage'), false)
      )) as missing,
      to_jsonb(array(
        select x.what
        from (values
          ('superuser', (select rolsuper from pg_roles where rolname = current_user)),
          ('owner of indexd''s tables', exists (
            select from relation t where t.name = 'public.slabs' and pg_has_role(t.relowner, 'usage'))),
          ('delete on indexd''s tables', exists (
            select from relation t
            where t.name in ('public.slabs', 'public.sectors') and has_table_privilege(t.oid, 'delete')))
        ) as x (what, found)
        where x.found
      )) as excessive,
      exists (select from relation t where t.name = 'public.global_settings') as has_indexd,
      exists (select from relation t where t.name = 'slabmend.database_migrations') as has_store`;
  return {
    missing: row!.missing,
    excessive: row!.excessive,
    hasIndexd: row!.has_indexd,
    hasStore: row!.has_store,
  };
}

function needsOf(entry: (typeof FLEET_PRIVILEGES)[number]): Need[] {
  const needs = (["select", "insert", "update"] as const).flatMap((privilege): Need[] => {
    const columns = entry[privilege];
    if (columns === undefined) return [];
    if (columns === "all") return [{ table: entry.table, privilege, column: null }];
    return columns.map((column) => ({ table: entry.table, privilege, column }));
  });
  return entry.delete === true
    ? [...needs, { table: entry.table, privilege: "delete", column: null }]
    : needs;
}
