/**
 * Random single changes of indexd's catalogue. The verdict on each change is compared with a hand-written table of what
 * the change means for a fleet that writes some tables and reads others.
 */
import fc from "fast-check";
import type { Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { judgeVersion } from "../../../lib/database/indexd/version/judge-version.ts";
import { refusalOf } from "../../../lib/database/indexd/version/refused-version.ts";
import { readIndexdCatalogue } from "../../../lib/database/indexd/version/verify-indexd.ts";
import type { TestDatabase } from "../../support/database.ts";
import { rolledBack } from "../indexd/rolled-back.ts";
import { createVersionDatabase } from "./version-database.ts";

type Expected = "same" | "consent" | "changed";

/**
 * Tables that we write, then tables that we only read. `named`: columns that our SQL names; `other`: some columns that
 * it does not name.
 */
const WRITTEN = {
  slabs: { named: ["digest", "min_shards", "next_repair_attempt"], other: ["pinned_at"] },
  sectors: { named: ["host_id", "uploaded_at", "num_migrated"], other: [] },
  hosts: { named: ["unpinned_sectors", "stuck_since"], other: ["scans_failed", "next_scan"] },
  object_events: { named: ["updated_at", "object_key"], other: ["was_deleted"] },
  stats_deltas: { named: ["stat_delta"], other: ["id"] },
  // We only read this table, but it is judged like a written table: its new columns came with changes of meaning.
  global_settings: { named: ["scanned_height", "contracts_period"], other: ["pins_currency"] },
};
const READ = {
  contracts: { named: ["good", "state", "capacity"], other: ["miner_fee", "next_prune"] },
  host_addresses: { named: ["net_address", "protocol"], other: [] },
  hosts_blocklist: { named: ["public_key"], other: ["reasons", "added"] },
  objects: { named: ["object_key"], other: ["created_at", "encrypted_metadata"] },
  object_slabs: { named: ["slab_digest"], other: ["slab_offset", "slab_length"] },
  slab_deletion_queue: { named: ["slab_id"], other: [] },
};

/**
 * Changes of a column, each with three verdicts: for a column of a written table, for a named column of a read table,
 * and for any other column of a read table.
 */
const OF_COLUMNS: Readonly<
  Record<string, readonly [(table: string, column: string) => string, Expected, Expected, Expected]>
> = {
  "a column dropped": [(t, c) => `alter table ${t} drop ${c} cascade`, "changed", "changed", "consent"],
  "a column renamed": [(t, c) => `alter table ${t} rename ${c} to another`, "changed", "changed", "consent"],
  "a column without its type": [
    (t, c) => `alter table ${t} alter ${c} drop default;
      do $$ declare i record; begin
        for i in select conname from pg_constraint where conrelid = '${t}'::regclass and contype = 'c' loop
          execute format('alter table ${t} drop constraint %I', i.conname); end loop; end $$;
      alter table ${t} add column renewed text; alter table ${t} drop ${c} cascade; alter table ${t} rename renewed to ${c}`,
    "changed",
    "changed",
    "consent",
  ],
  "another default": [
    (t, c) => `do $$ declare type text; begin
        select format_type(atttypid, atttypmod) into type from pg_attribute
        where attrelid = '${t}'::regclass and attname = '${c}';
        execute format('alter table ${t} alter ${c} set default nullif(null::%1$s, null::%1$s)', type); end $$`,
    "changed",
    "changed",
    "consent",
  ],
};

/** Changes of a table, each with its verdict for a written table and its verdict for a read table. */
const OF_TABLES: Readonly<Record<string, readonly [(table: string) => string, Expected, Expected]>> = {
  "a column more": [(t) => `alter table ${t} add column more integer`, "changed", "consent"],
  "a column more, not null": [
    (t) => `alter table ${t} add column more integer not null default 7`,
    "changed",
    "consent",
  ],
  "a check more": [(t) => `alter table ${t} add check (true)`, "changed", "consent"],
  "a check more, not valid": [(t) => `alter table ${t} add check (true) not valid`, "changed", "consent"],
  "a trigger more": [
    (t) => `create function nothing() returns trigger language plpgsql as 'begin return new; end';
      create trigger more before update on ${t} for each row execute function nothing()`,
    "changed",
    "consent",
  ],
  "a plain index more": [(t) => `create index on ${t} ((1))`, "consent", "same"],
  "a partial index more": [(t) => `create index on ${t} ((1)) where 2 > 1`, "changed", "same"],
  "a unique index more": [(t) => `create unique index on ${t} ((1))`, "changed", "same"],
  "row security": [(t) => `alter table ${t} enable row level security`, "changed", "changed"],
  "a rule": [(t) => `create rule more as on delete to ${t} do instead nothing`, "changed", "changed"],
  "a child": [(t) => `create table child () inherits (${t})`, "changed", "changed"],
  "a view instead": [
    (t) => `alter table ${t} rename to kept; create view ${t} as select * from kept`,
    "changed",
    "changed",
  ],
  "no table": [(t) => `drop table ${t} cascade`, "changed", "changed"],
  "a comment": [(t) => `comment on table ${t} is 'more'`, "same", "same"],
  "another owner": [(t) => `create role more; alter table ${t} owner to more`, "same", "same"],
  "a grant": [(t) => `grant select on ${t} to public`, "same", "same"],
  rows: [(t) => `analyze ${t}`, "same", "same"],
};

/** Changes of triggers and functions, which exist from version 23 on. */
const OF_FUNCTIONS: Readonly<Record<string, readonly [string, Expected]>> = {
  "a trigger disabled": ["alter table slabs disable trigger slabs_maintain_repair_stats_update", "changed"],
  "a trigger for replicas": [
    "alter table slabs enable replica trigger slabs_maintain_repair_stats_insert",
    "changed",
  ],
  "a trigger dropped": ["drop trigger slabs_maintain_repair_stats_delete on slabs", "changed"],
  "another body": [
    "create or replace function slab_is_stuck(failures smallint, unrecoverable boolean) returns boolean language sql immutable parallel safe as 'select failures > 2'",
    "consent",
  ],
  "the same body, laid out in another way": [
    "create or replace function slab_is_stuck(failures smallint, unrecoverable boolean) returns boolean language sql immutable parallel safe as E'\\n  select not unrecoverable\\n    and failures > 1 '",
    "same",
  ],
  "rights of the owner": ["alter function slabs_maintain_repair_stats() security definer", "changed"],
  "a search_path": ["alter function slabs_maintain_repair_stats() set search_path = other", "changed"],
  "another volatility": ["alter function slab_is_stuck(smallint, boolean) stable", "changed"],
  "one more of that name": [
    "create function slab_is_stuck(failures integer, unrecoverable boolean) returns boolean language sql as 'select true'",
    "consent",
  ],
  "an unrelated function": ["create function unrelated() returns integer language sql as 'select 1'", "same"],
  "an unrelated table": ["create table wallet_events (id integer)", "same"],
};

interface Change {
  readonly what: string;
  readonly sql: string;
  readonly expected: Expected;
}

const changes: Change[] = [
  ...[WRITTEN, READ].flatMap((tables, group) =>
    Object.entries(tables).flatMap(([table, columns]) => [
      ...Object.entries(OF_TABLES).map(([what, [sql, ...expected]]) => ({
        what: `${what}: ${table}`,
        sql: sql(table),
        expected: expected[group]!,
      })),
      ...Object.entries(OF_COLUMNS).flatMap(([what, [sql, written, named, other]]) => [
        ...columns.named.map((column) => ({
          what: `${what}: ${table}.${column}`,
          sql: sql(table, column),
          expected: group === 0 ? written : named,
        })),
        ...columns.other.map((column) => ({
          what: `${what}: ${table}.${column}`,
          sql: sql(table, column),
          expected: group === 0 ? written : other,
        })),
      ]),
    ]),
  ),
  ...Object.entries(OF_FUNCTIONS).map(([what, [sql, expected]]) => ({ what, sql, expected })),
].filter(({ what }) => what !== "no table: global_settings"); // Without this table, the database is not recognised as indexd's.

describe.each([23, 26] as const)("a change of the catalogue of version %i", (version) => {
  let database: TestDatabase;
  let sql: Sql;
  beforeAll(async () => {
    database = await createVersionDatabase(version);
    sql = database.sql;
  });
  afterAll(() => database.drop());

  test("has the expected verdict under a known and an unknown version number", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...changes), async (change) => {
        await rolledBack(sql, async (tx) => {
          await tx.unsafe(change.sql);
          const found = await readIndexdCatalogue(tx);
          const known = judgeVersion(version, found, undefined);
          expect([change.what, known.kind]).toEqual([
            change.what,
            change.expected === "same" ? "known" : change.expected,
          ]);
          if ("differences" in known) {
            const { differences } = known;
            expect(differences.length).toBeGreaterThan(0);
            expect(differences.every(({ expected, got }) => expected !== got)).toBe(true);
            const { message } = refusalOf(known)!;
            expect(differences.some(({ subject }) => message.includes(subject))).toBe(true);
          }
          if (version !== 26) return;
          const unknown = judgeVersion(27, found, 27);
          expect(unknown.kind).toBe(change.expected === "same" ? "identical" : change.expected);
          expect(refusalOf(unknown) === undefined).toBe(change.expected !== "changed");
        });
      }),
      { numRuns: 120 },
    );
  }, 120_000);
});
