import type { ISql } from "postgres";
import { MOVE } from "./move-names.ts";

export interface MoveTable {
  /** Schema and name, quoted as SQL requires. */
  readonly name: string;
  /** Estimated at the last analyze; -1: never analyzed. */
  readonly rows: number;
}

/** Facts that decide whether logical replication can move the source's database. Names are quoted as SQL requires. */
export interface MoveSource {
  readonly tables: readonly MoveTable[];
  /**
   * Tables without a usable replica identity: once such a table is published, updates and deletes of its rows fail on
   * the source.
   */
  readonly tablesWithoutKey: readonly string[];
  readonly unloggedTables: readonly string[];
  readonly materializedViews: readonly string[];
  /** Tables that belong to an extension. */
  readonly extensionTables: readonly string[];
  /** Triggers that would also fire on the target while it follows the source. */
  readonly triggersOnReplica: readonly string[];
  readonly largeObjects: number;
  readonly preparedTransactions: number;
  readonly extensions: readonly string[];
  /** Settings of roles and of the database, by name. */
  readonly settingNames: readonly string[];
  /** Roles other than the database's owner that granted CONNECT. */
  readonly foreignGrants: readonly string[];
  /** Owner of public.slabs: usually the role with which indexd logs in. */
  readonly indexdRole: string | undefined;
  readonly superusersThatLogIn: readonly string[];
  /** Objects with names that a move gives to its own objects: left by an earlier move, or created by others. */
  readonly leftovers: readonly string[];
  /** Rows of public.sectors, estimated. */
  readonly sectors: number;
}

/** Selects the operator's relations, not those of PostgreSQL itself. */
const OURS = `n.nspname <> 'information_schema' and n.nspname !~ '^pg_'`;

/** Reads only the catalogue, in one statement. */
export async function readMoveSource(sql: ISql): Promise<MoveSource> {
  const [row] = await sql<
    {
      tables: { name: string; rows: number }[];
      without_key: string[];
      unlogged: string[];
      views: string[];
      extension_tables: string[];
      triggers: string[];
      large_objects: number;
      prepared: number;
      extensions: string[];
      setting_names: string[];
      foreign_grants: string[];
      indexd_role: string | null;
      superusers: string[];
      leftovers: string[];
      sectors: number;
    }[]
  >`
    with relation as materialized (
      select c.oid, format('%I.%I', n.nspname, c.relname) as name, c.relkind, c.relpersistence, c.relreplident,
        c.reltuples::double precision as rows,
        exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') as of_extension
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where ${sql.unsafe(OURS)} and c.relkind in ('r', 'm', 'S')
    ), names as (
      select r.*,
        case r.relreplident
          when 'f' then true
          when 'd' then exists (select from pg_index i where i.indrelid = r.oid and i.indisprimary and i.indimmediate
            and not exists (select from pg_attribute a where a.attrelid = r.oid and a.attnum = any (i.indkey::int2[]) and a.attgenerated <> ''))
          when 'i' then exists (select from pg_index i where i.indrelid = r.oid and i.indisreplident and i.indisvalid)
          else false
        end as has_key
      from relation r
    )
    select
      coalesce((select jsonb_agg(jsonb_build_object('name', r.name, 'rows', r.rows) order by r.name)
        from names r where r.relkind = 'r' and r.relpersistence = 'p'), '[]') as tables,
      to_jsonb(array(select r.name from names r where r.relkind = 'r' and r.relpersistence = 'p' and not r.has_key order by 1)) as without_key,
      to_jsonb(array(select r.name from names r where r.relkind in ('r', 'S') and r.relpersistence = 'u' order by 1)) as unlogged,
      to_jsonb(array(select r.name from names r where r.relkind = 'm' order by 1)) as views,
      to_jsonb(array(select r.name from names r where r.relkind = 'r' and r.of_extension order by 1)) as extension_tables,
      to_jsonb(array(select format('%I on %s', t.tgname, r.name) from pg_trigger t join names r on r.oid = t.tgrelid
        where t.tgenabled in ('A', 'R') order by 1)) as triggers,
      (select count(*)::integer from pg_largeobject_metadata) as large_objects,
      (select count(*)::integer from pg_prepared_xacts where database = current_database()) as prepared,
      to_jsonb(array(select extname::text from pg_extension order by 1)) as extensions,
      to_jsonb(array(select distinct split_part(entry, '=', 1)
        from pg_db_role_setting s cross join unnest(s.setconfig) entry
        where s.setdatabase in (0, d.oid) and (s.setdatabase <> 0 or s.setrole <> 0) order by 1)) as setting_names,
      to_jsonb(array(select distinct a.grantor::regrole::text from aclexplode(d.datacl) a
        where a.privilege_type = 'CONNECT' and a.grantor <> d.datdba order by 1)) as foreign_grants,
      (select relowner::regrole::text from pg_class where oid = to_regclass('public.slabs')) as indexd_role,
      to_jsonb(array(select rolname::text from pg_roles where rolsuper and rolcanlogin order by 1)) as superusers,
      to_jsonb(array(
        select 'role ' || rolname from pg_roles where rolname = ${MOVE}
        union all select 'publication ' || pubname from pg_publication where pubname = ${MOVE}
        union all select 'slot ' || slot_name from pg_replication_slots where slot_name = ${MOVE})) as leftovers,
      coalesce((select greatest(reltuples, 0)::double precision from pg_class where oid = to_regclass('public.sectors')), 0) as sectors
    from pg_database d where d.datname = current_database()`;
  return {
    tables: row!.tables,
    tablesWithoutKey: row!.without_key,
    unloggedTables: row!.unlogged,
    materializedViews: row!.views,
    extensionTables: row!.extension_tables,
    triggersOnReplica: row!.triggers,
    largeObjects: row!.large_objects,
    preparedTransactions: row!.prepared,
    extensions: row!.extensions,
    settingNames: row!.setting_names,
    foreignGrants: row!.foreign_grants,
    indexdRole: row!.indexd_role ?? undefined,
    superusersThatLogIn: row!.superusers,
    leftovers: row!.leftovers,
    sectors: row!.sectors,
  };
}
