import type { ISql } from "postgres";

/** A digest of the definition of each object; the key is the object's name. */
export type Objects = Readonly<Record<string, string>>;

/**
 * Everything in the database that a change of schema would affect: tables with their columns, keys, indexes, triggers
 * and privileges, sequences, functions, types, and the versions that indexd and slabmend store in tables. Compared with
 * an earlier reading of the same database, this shows any upgrade in the middle of a move.
 */
export async function readObjects(sql: ISql): Promise<Objects> {
  const [row] = await sql<{ objects: Record<string, string> | null }[]>`
    with own_schema as materialized (
      select oid, nspname from pg_namespace where nspname <> 'information_schema' and nspname !~ '^pg_'
    ), object (name, says) as (
      select 'table ' || c.oid::regclass::text,
        concat(c.relkind, c.relpersistence, c.relreplident, c.relacl::text, (select string_agg(concat_ws(' ', a.attname, a.attacl::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attgenerated, a.attidentity,
          pg_get_expr(d.adbin, d.adrelid)), ',' order by a.attnum)
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped))
      from pg_class c join own_schema n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'S')
      union all
      select 'index ' || i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
      from pg_index i join pg_class c on c.oid = i.indexrelid join own_schema n on n.oid = c.relnamespace
      union all
      select format('constraint %I on %s', k.conname, k.conrelid::regclass), pg_get_constraintdef(k.oid)
      from pg_constraint k join own_schema n on n.oid = k.connamespace where k.conrelid <> 0
      union all
      select format('trigger %I on %s', t.tgname, t.tgrelid::regclass), t.tgenabled::text || pg_get_triggerdef(t.oid)
      from pg_trigger t join pg_class c on c.oid = t.tgrelid join own_schema n on n.oid = c.relnamespace where not t.tgisinternal
      union all
      select 'function ' || p.oid::regprocedure::text, concat(md5(p.prosrc), p.prolang, p.provolatile, p.proconfig::text, p.proacl::text)
      from pg_proc p join own_schema n on n.oid = p.pronamespace
      union all
      select 'type ' || t.oid::regtype::text, concat(t.typtype, (select string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
      from pg_type t join own_schema n on n.oid = t.typnamespace where t.typtype in ('d', 'e', 'r')
      union all
      select 'extension ' || extname, extversion from pg_extension
      union all
      select 'version of indexd''s database', db_version::text from public.global_settings
      union all
      select 'version of schema slabmend', coalesce(max(version), 0)::text from slabmend.database_migrations
    )
    select jsonb_object_agg(name, md5(says)) as objects from object where says is not null`;
  return row?.objects ?? {};
}

/** Names of the objects that were added, removed or changed, in alphabetical order. Pure. */
export function changedObjects(before: Objects, now: Objects): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  return [...names].filter((name) => before[name] !== now[name]).sort();
}
