/**
 * Checks the statements in a plpgsql body with PostgreSQL, which otherwise analyses them only when they run.
 *
 *   prepare the statement unchanged -- a name is unknown --> if it is a variable, replace it by a null of its type, and
 *   repeat
 *                                   -- accepted --> each variable that was not replaced has the name of a column too:
 *                                   ambiguous
 */

import { parseSync } from "libpg-query";
import postgres, { type ReservedSql } from "postgres";
import type { SqlFunction, Statement } from "./read-functions.ts";
import type { Finding } from "./rules.ts";
import { type NameReference, nameReferences } from "./walk-tree.ts";

const PREPARE = "prepare lint_statement as ";
/** PostgreSQL's codes of undefined_column and of undefined_table; `a.b` with an unknown `a` causes the latter. */
const UNKNOWN_NAME: ReadonlySet<string> = new Set(["42703", "42P01"]);

/**
 * @param sql a connection outside a transaction, to a database with the function's schema
 * @returns statements that do not compile, and names that are both a variable and a column
 */
export async function analyseStatements(sql: ReservedSql, fn: SqlFunction): Promise<readonly Finding[]> {
  const nulls = new Map(fn.variables.map(({ name, type }) => [name, nullOf(name, type)]));
  const records = new Set(fn.variables.flatMap(({ name, type }) => (type === "record" ? [name] : [])));
  const findings: Finding[] = [];
  for (const statement of fn.language === "plpgsql" ? fn.statements : []) {
    const { line } = statement;
    const analysed = await analyse(sql, statement, nulls);
    if (analysed.problem !== undefined) {
      findings.push({ line, rule: "does-not-compile", message: analysed.problem });
      continue;
    }
    for (const { parts } of fn.prefersColumns ? [] : analysed.columns) {
      findings.push({
        line,
        rule: "ambiguous-name",
        message: `${parts.join(".")} is a variable and a column`,
      });
    }
    for (const name of statement.sets.filter((set) => records.has(set))) {
      await sql.unsafe(`drop table if exists pg_temp.lint_${name}`);
      await sql.unsafe(`create temporary table lint_${name} as ${analysed.sql} with no data`);
      nulls.set(name, `(null::pg_temp.lint_${name})`);
    }
  }
  return findings;
}

function nullOf(name: string, type: string): string {
  // Two types are known only at run time: that of a `case`'s argument, and that of a record before it is set.
  return name.startsWith("__Case") || type === "record" ? "null" : `(null::${type})`;
}

interface Analysed {
  /** The statement with nulls in place of variables. */
  readonly sql: string;
  /** PostgreSQL's error. */
  readonly problem?: string;
  /** Names of variables that PostgreSQL resolved to columns. */
  readonly columns: readonly NameReference[];
}

async function analyse(
  sql: ReservedSql,
  statement: Statement,
  nulls: ReadonlyMap<string, string>,
): Promise<Analysed> {
  const left = nameReferences(parseSync(statement.sql)).filter(({ parts }) => nulls.has(parts[0] ?? ""));
  const variables: NameReference[] = [];
  for (;;) {
    const { text, originalOffset } = substitute(statement.sql, variables, nulls);
    const error = await prepare(sql, text);
    if (error === undefined) return { sql: text, columns: left };
    const at = originalOffset(Number(error.position) - 1 - PREPARE.length);
    const unknown = UNKNOWN_NAME.has(error.code) ? left.findIndex((reference) => reference.at === at) : -1;
    if (unknown === -1) return { sql: text, problem: error.message, columns: left };
    variables.push(...left.splice(unknown, 1));
  }
}

/** Positions are right only in ASCII text: the parser counts bytes, the server counts characters. */
function substitute(
  text: string,
  variables: readonly NameReference[],
  nulls: ReadonlyMap<string, string>,
): { readonly text: string; readonly originalOffset: (at: number) => number } {
  const shifts: { readonly from: number; readonly by: number }[] = [];
  let result = "";
  let done = 0;
  for (const { parts, at } of variables.toSorted((a, b) => a.at - b.at)) {
    const [name = ""] = parts;
    const value = nulls.get(name) ?? "null";
    result += text.slice(done, at) + value;
    const length = text[at] === '"' ? name.length + 2 : name.length;
    done = at + length;
    shifts.push({ from: result.length, by: value.length - length });
  }
  const originalOffset = (at: number): number =>
    shifts.reduce((offset, { from, by }) => (at >= from ? offset - by : offset), at);
  return { text: result + text.slice(done), originalOffset };
}

async function prepare(sql: ReservedSql, text: string): Promise<postgres.PostgresError | undefined> {
  try {
    await sql.unsafe(PREPARE + text);
  } catch (error) {
    if (error instanceof postgres.PostgresError) return error;
    throw error;
  }
  await sql.unsafe("deallocate lint_statement");
  return undefined;
}
