import type { ISql } from "postgres";
import { type TablePrivileges, VERSION_PRIVILEGES } from "../indexd/version/indexd-privileges.ts";
import { FLEET_PRIVILEGES, FLEET_SEQUENCES } from "./fleet-privileges.ts";

export interface PrivilegeGaps {
  /** Privileges that the fleet needs and this role lacks, for example "update (host_id) on public.sectors". */
  readonly missing: readonly string[];
  /**
   * Missing privileges on columns added by an upgrade of indexd: without these privileges the fleet skips some work.
   */
  readonly missingOfVersion: readonly string[];
  /** Whether indexd's and slabmend's tables exist. If they do not, the privileges on them are listed in `missing`. */
  readonly hasIndexd: boolean;
  readonly hasStore: boolean;
  /** Kinds of privileges on indexd's tables that this role has and the fleet never uses. */
  readonly excessive: readonly string[];
}

interface Need {
  readonly table: string;
  readonly privilege: string;
  readonly column: string | null;
  /** The column exists only in some versions of indexd. */
  readonly ofVersion: boolean;
}

/**
 * Compares the privileges of the connected role with FLEET_PRIVILEGES. This takes one statement, which reads only the
 * catalogue: every role may read it. The tables' names are looked up in pg_class, because to_regclass fails for a
 * schema that the role may not use.
 */
export async function readPrivilegeGaps(sql: ISql): Promise<PrivilegeGaps> {
  const needs = JSON.stringify([
    ...FLEET_PRIVILEGES.flatMap((table) => needsOf(table, false)),
    ...VERSION_PRIVILEGES.flatMap((table) => needsOf(table, true)),
  ]);
  const [row] = await sql<
    {
      missing: string[];
      missing_of_version: string[];
      excessive: string[];
      has_indexd: boolean;
      has_store: boolean;
    }[]
  >`
    with relation as materialized (
      select c.oid, c.relowner, n.nspname || '.' || c.relname as name,
        has_schema_privilege(n.oid, 'usage') as in_use
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('public', 'slabmend') and c.relkind in ('r', 'p', 'v', 'S')
    ), gap as materialized (
      select n.privilege || coalesce(' (' || n."column" || ')', '') || ' on ' || n."table" as name, n."ofVersion" as of_version,
        n."table", n.privilege, n."column"
      from jsonb_to_recordset(${needs}::text::jsonb)
        as n ("table" text, privilege text, "column" text, "ofVersion" boolean)
      left join relation t on t.name = n."table"
      left join pg_attribute a on a.attrelid = t.oid and a.attname = n."column" and not a.attisdropped
      where not coalesce(
        t.in_use
        and case
          when n."column" is null then has_table_privilege(t.oid, n.privilege)
          when a.attnum is null then n."ofVersion"
          else has_column_privilege(t.oid, a.attnum, n.privilege)
        end, false)
    )
    select
      to_jsonb(array(
        select g.name from gap g where not g.of_version order by g."table", g.privilege, g."column"
      ) || array(
        select 'usage on ' || s.name
        from jsonb_array_elements_text(${JSON.stringify(FLEET_SEQUENCES)}::text::jsonb) as s (name)
        left join relation t on t.name = s.name
        where not coalesce(t.in_use and has_sequence_privilege(t.oid, 'usage'), false)
      )) as missing,
      to_jsonb(array(
        select g.name from gap g where g.of_version order by g."table", g.privilege, g."column"
      )) as missing_of_version,
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
    missingOfVersion: row!.missing_of_version,
    excessive: row!.excessive,
    hasIndexd: row!.has_indexd,
    hasStore: row!.has_store,
  };
}

function needsOf(entry: TablePrivileges, ofVersion: boolean): Need[] {
  const { table } = entry;
  const needs = (["select", "insert", "update"] as const).flatMap((privilege): Need[] => {
    const columns = entry[privilege];
    if (columns === undefined) return [];
    if (columns === "all") return [{ table, privilege, column: null, ofVersion }];
    return columns.map((column) => ({ table, privilege, column, ofVersion }));
  });
  return entry.delete === true ? [...needs, { table, privilege: "delete", column: null, ofVersion }] : needs;
}
