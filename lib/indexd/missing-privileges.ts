import type { ISql } from "postgres";
import { FLEET_PRIVILEGES, FLEET_SEQUENCES } from "./fleet-privileges.ts";

export interface PrivilegeGaps {
  /** What the fleet does and this role may not, as "update (host_id) on public.sectors". */
  readonly missing: readonly string[];
  /** Kinds of what this role may do to indexd's tables and the fleet never does. */
  readonly excessive: readonly string[];
}

interface Need {
  readonly table: string;
  readonly privilege: string;
  readonly column: string | null;
}

/** Compares the rights of whoever is connected with FLEET_PRIVILEGES. Reads the catalogue only. */
export async function readPrivilegeGaps(sql: ISql): Promise<PrivilegeGaps> {
  const needs = JSON.stringify(FLEET_PRIVILEGES.flatMap(needsOf));
  const [row] = await sql<{ missing: string[]; excessive: string[] }[]>`
    select
      to_jsonb(array(
        select n.privilege || coalesce(' (' || n."column" || ')', '') || ' on ' || n."table"
        from jsonb_to_recordset(${needs}::text::jsonb)
          as n ("table" text, privilege text, "column" text)
        cross join lateral (select to_regclass(n."table") as oid) t
        where not coalesce(
          has_schema_privilege(split_part(n."table", '.', 1), 'usage')
          and case
            when t.oid is null then false
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
        where to_regclass(s.name) is null or not has_sequence_privilege(to_regclass(s.name), 'usage')
      )) as missing,
      to_jsonb(array(
        select x.what
        from (values
          ('superuser', (select rolsuper from pg_roles where rolname = current_user)),
          ('owner of indexd''s tables', exists (
            select from pg_class c where c.oid = to_regclass('public.slabs') and pg_has_role(c.relowner, 'usage'))),
          ('delete on indexd''s tables', has_table_privilege(to_regclass('public.slabs'), 'delete')
            or has_table_privilege(to_regclass('public.sectors'), 'delete'))
        ) as x (what, found)
        where x.found
      )) as excessive`;
  return { missing: row!.missing, excessive: row!.excessive };
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
