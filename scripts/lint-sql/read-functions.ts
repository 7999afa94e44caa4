/**
 * Reads the functions of an SQL file, their variables and their statements, with PostgreSQL's own parsers
 * (libpg_query). The SQL parser sees a plpgsql body only as text, so the plpgsql parser reads the body.
 */
import { loadModule, parsePlPgSQLSync, parseSync } from "libpg-query";

await loadModule();

/** A node of a parse tree: objects, lists, strings, numbers and booleans. */
export type Tree = unknown;

export interface Variable {
  readonly name: string;
  /** The type as written in the source. A variable of type "record" has the columns of its last value. */
  readonly type: string;
  /**
   * True for parameters and variables that the source declares; false for columns of a returned table, and for
   * plpgsql's own variables.
   */
  readonly isDeclared: boolean;
}

export interface Statement {
  /** Line in the file, from 1. */
  readonly line: number;
  /** The statement's text for the SQL parser, without `into`. An expression becomes a `select`. */
  readonly sql: string;
  /** Variables that it sets. */
  readonly sets: readonly string[];
}

export interface SqlFunction {
  readonly name: string;
  readonly language: "plpgsql" | "sql";
  readonly line: number;
  /** True with `#variable_conflict use_column`: a name that is both a variable and a column means the column. */
  readonly prefersColumns: boolean;
  readonly variables: readonly Variable[];
  /** In source order. */
  readonly statements: readonly Statement[];
}

/** @throws {Error} if the file or a body in it cannot be parsed */
export function readFunctions(text: string): readonly SqlFunction[] {
  const bytes = Buffer.from(text);
  const { stmts } = parseSync(text) as {
    stmts?: { stmt?: Tree; stmt_location?: number; stmt_len?: number }[];
  };
  return (stmts ?? []).flatMap(({ stmt, stmt_location: from = 0, stmt_len: length }) => {
    const created = child(stmt, "CreateFunctionStmt");
    if (created === undefined) return [];
    const source = bytes.subarray(from, length === undefined ? undefined : from + length).toString();
    return [readFunction(created, source, lineAt(bytes.subarray(0, from).toString()))];
  });
}

function readFunction(created: Tree, source: string, firstLine: number): SqlFunction {
  const options = new Map(
    list(child(created, "options")).map((o) => [
      String(child(o, "DefElem", "defname")),
      child(o, "DefElem", "arg"),
    ]),
  );
  const body = String(child(list(child(options.get("as"), "List", "items"))[0], "String", "sval"));
  const bodyLine = firstLine + lineAt(source.slice(0, source.indexOf(body))) - 1;
  const language = String(child(options.get("language"), "String", "sval"));
  const common = {
    name: list(child(created, "funcname"))
      .map((part) => child(part, "String", "sval"))
      .join("."),
    line: firstLine + lineAt(source.slice(0, source.search(/\bcreate\b/))) - 1,
    prefersColumns: body.includes("#variable_conflict use_column"),
  };
  const parameters = list(child(created, "parameters"))
    .map((p) => child(p, "FunctionParameter"))
    .filter((p) => child(p, "mode") !== "FUNC_PARAM_TABLE")
    .map((p) => String(child(p, "name")));
  if (language === "sql") {
    const variables = parameters.map((name) => ({ name, type: "", isDeclared: true }));
    return { ...common, language, variables, statements: [{ line: bodyLine, sql: body, sets: [] }] };
  }
  const parsed = child(list(child(parsePlPgSQLSync(source), "plpgsql_funcs"))[0], "PLpgSQL_function");
  const statements: Statement[] = [];
  const datums = list(child(parsed, "datums"));
  const names = datums.map((d) =>
    String(child(d, "PLpgSQL_var", "refname") ?? child(d, "PLpgSQL_rec", "refname") ?? ""),
  );
  collectStatements(parsed, { line: bodyLine, names, statements });
  const variables = datums.flatMap((datum) => readVariable(datum, new Set(parameters)));
  return { ...common, language: "plpgsql", variables, statements };
}

function readVariable(datum: Tree, parameters: ReadonlySet<string>): readonly Variable[] {
  const variable = child(datum, "PLpgSQL_var") ?? child(datum, "PLpgSQL_rec");
  const name = child(variable, "refname");
  if (typeof name !== "string") return [];
  const type = String(child(variable, "datatype", "PLpgSQL_type", "typname"));
  const isLocal = Number(child(variable, "lineno") ?? 0) > 0 && !name.startsWith("__Case");
  return [{ name, type, isDeclared: parameters.has(name) || isLocal }];
}

interface Collector {
  /** Line number of the body's first line. */
  readonly line: number;
  /** Names of variables by their number. */
  readonly names: readonly string[];
  readonly statements: Statement[];
}

/** Collects statements and expressions below a node; `line` is that of the innermost enclosing plpgsql statement. */
function collectStatements(
  node: Tree,
  into: Collector,
  line = into.line,
  sets: readonly string[] = [],
): void {
  if (Array.isArray(node)) {
    for (const item of node) collectStatements(item, into, line);
    return;
  }
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of orderedEntries(node)) {
    const expression = key === "PLpgSQL_expr" ? child(value, "query") : undefined;
    if (typeof expression === "string") {
      into.statements.push({ line, ...readExpression(expression, Number(child(value, "parseMode"))), sets });
      continue;
    }
    const own = child(value, "lineno");
    const at = typeof own === "number" && key.startsWith("PLpgSQL_") ? into.line + own - 1 : line;
    const targets = [child(value, "target"), child(value, "var")].flatMap(targetNames);
    const assigned = named(into, child(value, "varno"));
    const setHere = key.startsWith("PLpgSQL_stmt_") ? [...targets, ...assigned] : sets;
    for (const name of named(into, child(value, "retvarno"))) {
      into.statements.push({ line: at, sql: `select ${name}`, sets: [] });
    }
    collectStatements(value, into, at, setHere);
  }
}

/**
 * The name of the variable with this number, in a list. For the row of the function's results, which has no name, the
 * list is empty.
 */
function named(by: Collector, number: Tree): readonly string[] {
  const name = typeof number === "number" ? by.names[number] : undefined;
  return name === undefined || name === "" ? [] : [name];
}

/** Orders a loop's query before its body, and a block's declarations before its statements. */
function orderedEntries(node: object): readonly (readonly [string, Tree])[] {
  const isLate = (key: string): boolean => /body|stmts|list|action/.test(key);
  const entries = Object.entries(node);
  return [...entries.filter(([key]) => !isLate(key)), ...entries.filter(([key]) => isLate(key))];
}

/** Parse modes of PostgreSQL's raw parser: 0 a statement, 2 an expression, 3 and up an assignment. */
function readExpression(text: string, mode: number): { readonly sql: string } {
  if (mode === 0) return { sql: text };
  return { sql: `select ${mode === 2 ? text : text.slice(text.indexOf(":=") + 2)}` };
}

function targetNames(target: Tree): readonly string[] {
  const record = child(target, "PLpgSQL_rec", "refname");
  if (typeof record === "string") return [record];
  return list(child(target, "PLpgSQL_row", "fields")).map((field) => String(child(field, "name")));
}

/** The node at the end of a path of keys, or undefined. */
export function child(node: Tree, ...path: readonly string[]): Tree {
  let at: Tree = node;
  for (const key of path)
    at = typeof at === "object" && at !== null ? (at as Record<string, Tree>)[key] : undefined;
  return at;
}

/** The items of a list; empty if there is no list. */
export function list(node: Tree): readonly Tree[] {
  return Array.isArray(node) ? node : [];
}

/** The line number at the end of a text. */
function lineAt(before: string): number {
  return before.split("\n").length;
}
