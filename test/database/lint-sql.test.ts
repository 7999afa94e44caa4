/** The SQL linter finds planted faults, and finds nothing in our files. */
import { globSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FixtureVersion } from "../../dev/indexd/indexd-schema.ts";
import { analyseStatements } from "../../scripts/lint-sql/analyse-statements.ts";
import { readFunctions } from "../../scripts/lint-sql/read-functions.ts";
import { type Finding, lintFunction } from "../../scripts/lint-sql/rules.ts";
import type { TestDatabase } from "../support/database.ts";
import { createVersionDatabase } from "./version/version-database.ts";

const ROOT = new URL("../../", import.meta.url);
/** The versions of indexd's database that differ in names used by our functions. */
const VERSIONS = [22, 23, 26] as const satisfies readonly FixtureVersion[];

function plpgsql(declarations: string, body: string): string {
  return `create function slabmend.planted(the_slab bigint) returns bigint
language plpgsql volatile
as $function$
declare
  ${declarations}
begin
  ${body}
  return the_slab;
end
$function$;`;
}

const show = ({ line, rule, message }: Finding): string => `${line} ${rule}: ${message}`;

describe("rules that need no database", () => {
  test.each([
    [
      "an unused variable",
      plpgsql("rest integer;", "null;"),
      "1 unused-variable: slabmend.planted: no statement uses rest",
    ],
    [
      "locks in no order",
      plpgsql("a integer;", "select 1 into a from public.sectors s where s.host_id = 1 for no key update;"),
      "7 unordered-locks: rows are locked without `order by`, `skip locked` or a condition on one id",
    ],
    [
      "a table without its schema, in a subselect of an expression",
      plpgsql("a constant integer := (select count(*) from slabs);", "perform a;"),
      "5 unqualified-table: table slabs has no schema",
    ],
    [
      "a written table without its schema",
      plpgsql("a integer := 1;", "update leases l set margin = a where l.slab_id = the_slab;"),
      "7 unqualified-table: table leases has no schema",
    ],
    [
      "all columns of an indexd table",
      plpgsql("a record;", "select s.* into a from public.slabs s where s.id = the_slab;"),
      "7 all-columns: `*` of an indexd table",
    ],
    [
      "an update of every row",
      plpgsql("a integer := 1;", "update slabmend.leases set margin = a;"),
      "7 every-row: UpdateStmt without a condition",
    ],
  ])("%s is found with its line", (_what, source, expected) => {
    const findings = readFunctions(source).flatMap((fn) => lintFunction(fn, new Set()));
    expect(findings.map(show)).toEqual([expected]);
  });

  test("ordered locks, locks that never wait and locks of one row are accepted", () => {
    const source = plpgsql(
      "a integer;",
      `perform s.id from public.sectors s where s.host_id = 1 order by s.id for update;
      perform s.id from public.sectors s where s.host_id = 1 for update skip locked;
      select 1 into a from public.slabs s where s.id = the_slab and s.min_shards > 1 for update;`,
    );
    expect(readFunctions(source).flatMap((fn) => lintFunction(fn, new Set()))).toEqual([]);
  });

  test("a function body that plpgsql cannot parse is refused", () => {
    expect(() => readFunctions(plpgsql("a integer;", "if a then"))).toThrow(/syntax error/);
  });
});

describe("statements in plpgsql bodies, as PostgreSQL sees them", () => {
  const databases = new Map<number, TestDatabase>();
  beforeAll(async () => {
    for (const version of VERSIONS) {
      const database = await createVersionDatabase(version);
      databases.set(version, database);
    }
  });
  afterAll(async () => {
    for (const database of databases.values()) await database.drop();
  });

  async function analyseAll(version: number, source: string): Promise<readonly string[]> {
    const reserved = await databases.get(version)!.sql.reserve();
    try {
      // A stand-in for `ended`, the transition table of the trigger on leases.
      await reserved`create temporary table if not exists ended as select * from slabmend.leases with no data`;
      const findings: Finding[] = [];
      for (const fn of readFunctions(source)) findings.push(...(await analyseStatements(reserved, fn)));
      return findings.map(show);
    } finally {
      reserved.release();
    }
  }

  test.each([
    [
      "an unknown column",
      plpgsql("a integer;", "select s.min_shard into a from public.slabs s where s.id = the_slab;"),
      ["7 does-not-compile: column s.min_shard does not exist"],
    ],
    [
      "an unknown field of a record, in an expression",
      plpgsql(
        "a record;",
        "select s.digest into a from public.slabs s where s.id = the_slab; if a.digests is null then null; end if;",
      ),
      ['7 does-not-compile: column "digests" not found in data type lint_a'],
    ],
    [
      "a name that is a variable and a column",
      plpgsql(
        "digest bytea;",
        "update slabmend.leases l set worker = null where l.slab_id = the_slab and digest is null;",
      ),
      ["7 ambiguous-name: digest is a variable and a column"],
    ],
    [
      "a wrong type",
      plpgsql("a text := 'x';", "delete from slabmend.leases l where l.slab_id = a;"),
      ["7 does-not-compile: operator does not exist: bigint = text"],
    ],
    [
      "an unknown function",
      plpgsql("a integer;", "a := slabmend.no_such_function(the_slab);"),
      ["7 does-not-compile: function slabmend.no_such_function(bigint) does not exist"],
    ],
  ])("%s is found", async (_what, source, expected) => {
    expect(await analyseAll(26, source)).toEqual(expected);
  });

  test("every SQL statement compiles with some version of indexd's database, without ambiguous names", async () => {
    for (const path of globSync("lib/**/*.sql", { cwd: ROOT })) {
      const source = readFileSync(new URL(path, ROOT), "utf8");
      const [first = [], ...others] = await Promise.all(
        VERSIONS.map((version) => analyseAll(version, source)),
      );
      const everywhere = first.filter((finding) =>
        others.every((found) => found.some((f) => f.split(" ")[0] === finding.split(" ")[0])),
      );
      expect(everywhere, path).toEqual([]);
    }
  });
});
