/**
 * Rules for SQL functions. Tests of the functions' behaviour do not detect violations of these rules.
 *
 *   unused-variable     a variable or parameter that no statement uses
 *   unordered-locks     several rows are locked without an order or `skip locked`: two such callers may deadlock
 *   unqualified-table   a table without its schema depends on the caller's search_path
 *   all-columns         `*` of an indexd table: roles may read only certain columns, and indexd adds others
 *   every-row           an update or delete without a condition
 */
import { parseSync } from "libpg-query";
import { child, list, type SqlFunction, type Statement, type Tree } from "./read-functions.ts";
import { nameReferences, nodesOf } from "./walk-tree.ts";

export interface Finding {
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/** @param transitionTables names of triggers' transition tables */
export function lintFunction(fn: SqlFunction, transitionTables: ReadonlySet<string>): readonly Finding[] {
  const parsed = fn.statements.map((statement) => ({ statement, tree: parseSync(statement.sql) }));
  return [
    ...unusedVariables(
      fn,
      parsed.map(({ tree }) => tree),
    ),
    ...parsed.flatMap(({ statement, tree }) => lintStatement(statement, tree, transitionTables)),
  ];
}

function unusedVariables(fn: SqlFunction, trees: readonly Tree[]): readonly Finding[] {
  const bareName = fn.name.slice(fn.name.indexOf(".") + 1);
  const used = new Set(fn.statements.flatMap((statement) => statement.sets));
  for (const { parts } of trees.flatMap(nameReferences)) {
    used.add(parts[0] === bareName && parts.length > 1 ? (parts[1] ?? "") : (parts[0] ?? ""));
  }
  return fn.variables
    .filter(({ name, isDeclared }) => isDeclared && !used.has(name))
    .map(({ name }) => ({
      line: fn.line,
      rule: "unused-variable",
      message: `${fn.name}: no statement uses ${name}`,
    }));
}

function lintStatement(
  { line }: Statement,
  tree: Tree,
  transitionTables: ReadonlySet<string>,
): readonly Finding[] {
  const findings: Finding[] = [];
  const report = (rule: string, message: string): void => void findings.push({ line, rule, message });

  for (const select of nodesOf(tree, "SelectStmt")) {
    if (list(child(select, "lockingClause")).length > 0 && !locksInOrder(select)) {
      report("unordered-locks", "rows are locked without `order by`, `skip locked` or a condition on one id");
    }
    if (selectsAll(select)) report("all-columns", "`*` of an indexd table");
  }
  const known = new Set([
    ...transitionTables,
    ...nodesOf(tree, "CommonTableExpr").map((cte) => String(child(cte, "ctename"))),
  ]);
  const locked = new Set(nodesOf(tree, "LockingClause").flatMap((clause) => nodesOf(clause, "RangeVar")));
  for (const table of tablesOf(tree)) {
    const name = String(child(table, "relname"));
    if (child(table, "schemaname") === undefined && !locked.has(table) && !known.has(name)) {
      report("unqualified-table", `table ${name} has no schema`);
    }
  }
  for (const kind of ["UpdateStmt", "DeleteStmt"]) {
    for (const write of nodesOf(tree, kind)) {
      if (child(write, "whereClause") === undefined) report("every-row", `${kind} without a condition`);
    }
  }
  return findings;
}

/** All tables in a tree. A statement's target table is not under the key `RangeVar`, so it is added. */
function tablesOf(tree: Tree): readonly Tree[] {
  const targets = ["UpdateStmt", "DeleteStmt", "InsertStmt"].flatMap((kind) =>
    nodesOf(tree, kind).map((write) => child(write, "relation")),
  );
  return [...targets, ...nodesOf(tree, "RangeVar")];
}

function locksInOrder(select: Tree): boolean {
  if (list(child(select, "sortClause")).length > 0) return true;
  const policies = list(child(select, "lockingClause")).map((c) => child(c, "LockingClause", "waitPolicy"));
  if (policies.every((policy) => policy === "LockWaitSkip")) return true;
  return list(child(select, "fromClause")).length === 1 && isOneRow(child(select, "whereClause"));
}

/** Whether the condition is `id = …` or `slab_id = …`, alone or joined with other conditions by `and`. */
function isOneRow(condition: Tree): boolean {
  const parts = list(child(condition, "BoolExpr", "args"));
  if (parts.length > 0) return child(condition, "BoolExpr", "boolop") === "AND_EXPR" && parts.some(isOneRow);
  const comparison = child(condition, "A_Expr");
  const operator = child(list(child(comparison, "name"))[0], "String", "sval");
  const column = nameReferences(child(comparison, "lexpr"))[0]?.parts.at(-1);
  return (
    child(comparison, "kind") === "AEXPR_OP" && operator === "=" && (column === "id" || column === "slab_id")
  );
}

function selectsAll(select: Tree): boolean {
  const indexds = list(child(select, "fromClause"))
    .flatMap(directTables)
    .filter((table) => child(table, "schemaname") === "public")
    .map((table) => child(table, "alias", "aliasname") ?? child(table, "relname"));
  return list(child(select, "targetList"))
    .flatMap((target) => nameReferences(child(target, "ResTarget", "val")))
    .some(
      ({ parts }) =>
        parts.at(-1) === "*" && (parts.length === 1 ? indexds.length > 0 : indexds.includes(parts[0])),
    );
}

/** The tables joined in an item of `from`, without the tables of subselects. */
function directTables(item: Tree): readonly Tree[] {
  const join = child(item, "JoinExpr");
  if (join !== undefined) return [child(join, "larg"), child(join, "rarg")].flatMap(directTables);
  const table = child(item, "RangeVar");
  return table === undefined ? [] : [table];
}
