/**
 * PostgreSQL's catalogue of the part of indexd's schema that we use, as text that can be compared: it is the same for
 * new and upgraded databases, for every role and search_path, and for PostgreSQL 15 to 18. Of the session's settings
 * only bytea_output changes this text: it must be hex.
 *
 * - The source is pg_catalog, not information_schema, which shows a role only the objects on which it has privileges.
 * - Columns are listed by name, because their order differs between upgraded and new databases; constraints and indexes
 *   are listed by their definition.
 * - NOT NULL is a property of the column. The constraint for it (type n) is left out, because only PostgreSQL 18 lists
 *   it.
 * - `public.` is removed from all definitions: PostgreSQL prints it or not, depending on the search_path.
 * - The functions are those of the tables' triggers, and those that the scope names because a trigger's function calls
 *   them. Of a body only the hash is kept, with white space collapsed.
 */
import type { ISql } from "postgres";

export interface TableCatalogue {
  /** pg_class.relkind: r an ordinary table, v a view, p a partitioned table. */
  readonly kind: string;
  /** What indexd's ordinary tables do not have: rules, row security, inheritance, unlogged storage. */
  readonly traits: readonly string[];
  /** By column name: type, nullability and default. */
  readonly columns: Readonly<Record<string, string>>;
  readonly constraints: readonly string[];
  /** Without their names. */
  readonly indexes: readonly string[];
  /** By trigger name: its definition, and whether it is enabled. */
  readonly triggers: Readonly<Record<string, string>>;
}

export interface FunctionCatalogue {
  /** Everything but the body: language, volatility, security, settings. */
  readonly declaration: string;
  /** SHA-256 of the body. */
  readonly body: string;
}

export interface IndexdCatalogue {
  readonly tables: Readonly<Record<string, TableCatalogue>>;
  /** By name and parameter types. */
  readonly functions: Readonly<Record<string, FunctionCatalogue>>;
}

export interface FoundCatalogue extends IndexdCatalogue {
  /** When the read began, by the server's clock, as the server prints it. */
  readonly readAt: string;
  /** Undefined: indexd has never started on this database. */
  readonly databaseVersion: number | undefined;
  /**
   * indexd's triggers name tables without a schema, so they work only if the writer's search_path includes `public`.
   */
  readonly searchPath: { readonly setting: string; readonly findsPublic: boolean };
  /** The setting that determines how PostgreSQL prints defaults of byte strings. They can be compared only in hex. */
  readonly byteaOutput: string;
}

export interface CatalogueScope {
  /** Tables of schema public. */
  readonly tables: readonly string[];
  readonly functions: readonly string[];
}

/** Reads the catalogue in one statement; needs only the privilege to read db_version. */
export async function readCatalogue(sql: ISql, scope: CatalogueScope): Promise<FoundCatalogue> {
  const [row] = await sql<
    {
      read_at: string;
      version: number | null;
      path: string;
      bytea: string;
      finds_public: boolean;
      tables: Record<string, TableCatalogue>;
      functions: Record<string, FunctionCatalogue>;
    }[]
  >`
    with relation as materialized (
      select c.oid, c.relname::text as name, c.relkind, c.relpersistence, c.relrowsecurity, c.relhasrules
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'public' and c.relkind in ('r', 'p', 'v', 'm', 'f')
        and c.relname in (select jsonb_array_elements_text(${JSON.stringify(scope.tables)}::text::jsonb))
    ), callable as materialized (
      select p.oid from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = 'public'
        and p.proname in (select jsonb_array_elements_text(${JSON.stringify(scope.functions)}::text::jsonb))
      union
      select t.tgfoid from pg_trigger t join relation r on r.oid = t.tgrelid where not t.tgisinternal
    )
    select
      clock_timestamp()::text as read_at,
      (select g.db_version from public.global_settings g where g.id = 0) as version,
      current_setting('search_path') as path,
      current_setting('bytea_output') as bytea,
      coalesce(to_regclass('stats_deltas')
        = (select c.oid from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'public' and c.relname = 'stats_deltas'), false) as finds_public,
      (
        select coalesce(json_object_agg(r.name, json_build_object(
          'kind', r.relkind,
          'traits', array(
            select 'persistence ' || r.relpersistence::text where r.relpersistence <> 'p'
            union all
            select 'row security' where r.relrowsecurity
            union all
            select 'rule ' || w.rulename from pg_rewrite w where w.ev_class = r.oid and r.relkind <> 'v'
            union all
            select 'inherits from ' || i.inhparent::regclass::text from pg_inherits i where i.inhrelid = r.oid
            union all
            select 'inherited by ' || i.inhrelid::regclass::text from pg_inherits i where i.inhparent = r.oid
          ),
          'columns', (
            select coalesce(json_object_agg(a.attname, regexp_replace(
              format_type(a.atttypid, a.atttypmod)
              || case when a.attnotnull then ' not null' else '' end
              || case when a.attidentity <> '' then ' identity ' || a.attidentity::text else '' end
              || case when a.attgenerated <> '' then ' generated ' || a.attgenerated::text else '' end
              || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''), '\\mpublic\\.', '', 'g')
              order by a.attname), '{}')
            from pg_attribute a
            left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
            where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
          ),
          'constraints', array(
            select regexp_replace(pg_get_constraintdef(c.oid), '\\mpublic\\.', '', 'g')
            from pg_constraint c where c.conrelid = r.oid and c.contype not in ('n', 't')
          ),
          'indexes', array(
            select regexp_replace(
              regexp_replace(pg_get_indexdef(i.indexrelid), '^(CREATE (UNIQUE )?INDEX) \\S+', '\\1'), '\\mpublic\\.', '', 'g')
              || case when i.indisvalid then '' else ' not valid' end
            from pg_index i where i.indrelid = r.oid
          ),
          'triggers', (
            select coalesce(json_object_agg(t.tgname,
              regexp_replace(pg_get_triggerdef(t.oid), '\\mpublic\\.', '', 'g')
              || case t.tgenabled when 'O' then '' when 'D' then ' disabled' else ' enabled ' || t.tgenabled::text end
              order by t.tgname), '{}')
            from pg_trigger t where t.tgrelid = r.oid and not t.tgisinternal
          )
        ) order by r.name), '{}')
        from relation r
      ) as tables,
      (
        select coalesce(json_object_agg(
          regexp_replace(p.oid::regprocedure::text, '\\mpublic\\.', '', 'g'),
          json_build_object(
            'declaration', concat_ws(' ',
              'returns', regexp_replace(pg_get_function_result(p.oid), '\\mpublic\\.', '', 'g'),
              'language', l.lanname, 'volatility', p.provolatile, 'parallel', p.proparallel,
              case when p.proisstrict then 'strict' end,
              case when p.prosecdef then 'security definer' end,
              'set ' || array_to_string(p.proconfig, ', ')),
            'body', encode(sha256(convert_to(
              trim(regexp_replace(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc), '\\s+', ' ', 'g')), 'UTF8')), 'hex')
          ) order by p.oid::regprocedure::text), '{}')
        from callable f
        join pg_proc p on p.oid = f.oid
        join pg_language l on l.oid = p.prolang
      ) as functions`;
  return {
    readAt: row!.read_at,
    databaseVersion: row!.version ?? undefined,
    searchPath: { setting: row!.path, findsPublic: row!.finds_public },
    byteaOutput: row!.bytea,
    tables: Object.fromEntries(Object.entries(row!.tables).map(([name, table]) => [name, inOrder(table)])),
    functions: row!.functions,
  };
}

/** Sorts the lists here and not in PostgreSQL, whose order depends on the database's collation. */
function inOrder(table: TableCatalogue): TableCatalogue {
  return {
    ...table,
    traits: table.traits.toSorted(),
    constraints: table.constraints.toSorted(),
    indexes: table.indexes.toSorted(),
  };
}
