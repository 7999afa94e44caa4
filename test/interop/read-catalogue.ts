import { createHash } from "node:crypto";
import type { ISql } from "postgres";

/**
 * PostgreSQL's catalogue of the tables in schema `public`: for each table, one line per column, constraint, index and
 * trigger. The lines are text, so that two catalogues can be compared line by line.
 */
export type Catalogue = ReadonlyMap<string, readonly string[]>;

/**
 * Reads the catalogue of the database that `sql` is connected to. PostgreSQL prints every expression back from its
 * parsed form, so spelling and spaces of the DDL do not count; names, order of columns, types, defaults and conditions
 * do.
 */
export async function readCatalogue(sql: ISql): Promise<Catalogue> {
  const rows = await sql<{ table: string; line: string }[]>`
    with tables as (
      select oid, relname, relkind, relpersistence
      from pg_class
      where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
    )
    select t.relname::text as "table", format('table kind %s persistence %s', t.relkind, t.relpersistence) as line
    from tables t
    union all
    select t.relname::text, format('column %s %I %s%s%s%s%s',
      (select count(*) from pg_attribute b
       where b.attrelid = a.attrelid and b.attnum > 0 and not b.attisdropped and b.attnum <= a.attnum),
      a.attname, format_type(a.atttypid, a.atttypmod),
      case when a.attnotnull then ' not null' else '' end,
      coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''),
      case when a.attidentity <> '' then ' identity ' || a.attidentity::text else '' end,
      case when a.attgenerated <> '' then ' generated ' || a.attgenerated::text else '' end)
    from tables t
    join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = t.oid and d.adnum = a.attnum
    union all
    select t.relname::text, format('constraint %I %s', c.conname, pg_get_constraintdef(c.oid))
    from tables t
    join pg_constraint c on c.conrelid = t.oid
    union all
    select t.relname::text, 'index ' || pg_get_indexdef(i.indexrelid)
    from tables t
    join pg_index i on i.indrelid = t.oid
    union all
    select t.relname::text, 'trigger ' || pg_get_triggerdef(g.oid)
    from tables t
    join pg_trigger g on g.tgrelid = t.oid and not g.tgisinternal
  `;
  const catalogue = new Map<string, string[]>();
  for (const { table, line } of rows) catalogue.set(table, [...(catalogue.get(table) ?? []), line]);
  for (const lines of catalogue.values()) lines.sort();
  return catalogue;
}

/** SHA-256 over the lines of `tables`, in order of table and line: one value that changes when any line changes. */
export function catalogueDigest(catalogue: Catalogue, tables: Iterable<string>): string {
  const hash = createHash("sha256");
  for (const table of [...tables].sort()) {
    for (const line of catalogue.get(table) ?? ["missing"]) hash.update(`${table}: ${line}\n`);
  }
  return hash.digest("hex");
}
