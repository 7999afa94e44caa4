/** Counts and digests of tables, independent of the order of rows and of PostgreSQL's major version. */
import type { ISql, Sql } from "postgres";
import { leaseLost } from "../runs/run-error.ts";
import { isOpened } from "./open-target.ts";
import { withoutTimeouts } from "./without-timeouts.ts";

export interface TableDigest {
  readonly rows: string;
  /** Sum and exclusive or of the rows' 64-bit hashes. */
  readonly sum: string;
  readonly xor: string;
}

export interface TableColumns {
  /** Schema and name, quoted as SQL requires. */
  readonly name: string;
  /** The columns' expressions, sorted by name. */
  readonly columns: readonly string[];
}

/** Types without a hash function in PostgreSQL. */
const WITHOUT_HASH = [
  "json",
  "xml",
  "point",
  "line",
  "lseg",
  "box",
  "path",
  "polygon",
  "circle",
  "bit",
  "bit varying",
  "money",
  "tsvector",
  "tsquery",
];

/**
 * All permanent tables that store rows themselves, and the expression with which each column enters the digest: a
 * column whose type has no hash function, such as point, enters as text.
 */
export async function readTableColumns(sql: ISql): Promise<readonly TableColumns[]> {
  return await sql<{ name: string; columns: string[] }[]>`
    select format('%I.%I', n.nspname, c.relname) as name,
      to_jsonb(array(
        select case when coalesce(nullif(e.oid, 0), nullif(t.typbasetype, 0), t.oid)::regtype::text in (select jsonb_array_elements_text(${JSON.stringify(WITHOUT_HASH)}::text::jsonb))
          then format('%I::text', a.attname) else format('%I', a.attname) end
        from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attname)) as columns
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and c.relkind = 'r' and c.relpersistence = 'p'
    order by 1`;
}

/**
 * @param except an SQL condition: rows that fulfil it are left out, such as the run's own row, which changes with each
 *   step
 */
export async function readDigest(sql: Sql, table: TableColumns, except?: string): Promise<TableDigest> {
  const [row] = await withoutTimeouts(sql, (tx) =>
    tx.unsafe<{ rows: string; sum: string; xor: string }[]>(
      `select count(*)::text as rows, coalesce(sum(h), 0)::text as sum, coalesce(bit_xor(h), 0)::text as xor
       from (select hash_record_extended(row(${table.columns.join(", ")}), 0) as h from ${table.name}
             ${except === undefined ? "" : `where not (${except})`}) hashed`,
    ),
  );
  return row!;
}

export interface SequenceState {
  readonly name: string;
  readonly lastValue: string;
  readonly isCalled: boolean;
}

/** Sequences, which logical replication does not copy. */
export async function readSequences(sql: ISql): Promise<readonly SequenceState[]> {
  const names = await sql<{ name: string }[]>`
    select format('%I.%I', schemaname, sequencename) as name from pg_sequences order by 1`;
  const states: SequenceState[] = [];
  for (const { name } of names) {
    const [row] = await sql.unsafe<{ last: string; called: boolean }[]>(
      `select last_value::text as last, is_called as called from ${name}`,
    );
    states.push({ name, lastValue: row!.last, isCalled: row!.called });
  }
  return states;
}

/**
 * Sets the target's sequences to these states. A rollback does not undo this. Safe to repeat. An open target's
 * sequences must not be set back, because they may have given out later numbers; the lock of isOpened prevents an
 * opening until this transaction ends.
 * @throws {RunError} `run-lease-lost`: another process has opened the target
 */
export async function setSequences(sql: Sql, states: readonly SequenceState[], run: bigint): Promise<void> {
  await sql.begin(async (tx) => {
    if (await isOpened(tx, run)) throw leaseLost(run);
    await tx`
      select setval(s.name::regclass, s.last::bigint, s.called)
      from jsonb_to_recordset(${JSON.stringify(
        states.map(({ name, lastValue, isCalled }) => ({ name, last: lastValue, called: isCalled })),
      )}::text::jsonb) as s (name text, last text, called boolean)`;
  });
}
