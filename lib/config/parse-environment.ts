import * as v from "valibot";
import { Secret } from "../secret/secret.ts";
import { ConfigurationError, type ConfigurationProblem } from "./configuration-error.ts";
import { findUnusedAuthorities } from "./database-ca.ts";
import { readDatabaseUrl } from "./database-url.ts";
import {
  type FunctionName,
  type SecretVariable,
  VARIABLES,
  type Variable,
  type VariableName,
} from "./variables.ts";

type ValueOf<Name extends VariableName> =
  (typeof VARIABLES)[Name] extends SecretVariable<infer Value>
    ? Secret<Value>
    : (typeof VARIABLES)[Name] extends Variable<infer Value>
      ? Value
      : never;

/** The parsed environment: one property per variable. */
export type Environment = { readonly [Name in VariableName]: ValueOf<Name> };

/** Names of the variables that a function reads. */
export function variablesOf(functionName: FunctionName): VariableName[] {
  const names = Object.keys(VARIABLES) as VariableName[];
  return names.filter((name) => VARIABLES[name].readBy.includes(functionName));
}

/**
 * Reads the named variables once and freezes the result.
 * @throws {ConfigurationError} with all problems; a secret is described by its length only
 */
export function parseEnvironment<Name extends VariableName>(
  names: readonly Name[],
  environment: Readonly<Record<string, string | undefined>>,
): Pick<Environment, Name> {
  const { values, problems } = readVariables(names, environment);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return Object.freeze(values) as Pick<Environment, Name>;
}

/**
 * Like {@link parseEnvironment}, but returns the problems, for callers that report them together with problems of their
 * own.
 */
export function findProblems(
  names: readonly VariableName[],
  environment: Readonly<Record<string, string | undefined>>,
): readonly ConfigurationProblem[] {
  return readVariables(names, environment).problems;
}

function readVariables(
  names: readonly VariableName[],
  environment: Readonly<Record<string, string | undefined>>,
) {
  const problems: ConfigurationProblem[] = [];
  const values: Partial<Record<VariableName, unknown>> = {};
  for (const name of names) {
    const variable: Variable<unknown> = VARIABLES[name];
    const text = environment[name] || variable.fallback;
    if (text === undefined) {
      problems.push({ name, expected: variable.expected, got: "nothing" });
      continue;
    }
    const parsed = v.safeParse(variable.schema, text);
    if (parsed.success) {
      const { output } = parsed;
      values[name] = variable.secret === true ? new Secret(output as string | Uint8Array) : output;
    } else problems.push({ name, ...describeFault(variable, text) });
  }
  problems.push(...relations(values));
  return { values, problems };
}

function describeFault(variable: Variable<unknown>, text: string): Omit<ConfigurationProblem, "name"> {
  const { expected, secret, fault } = variable;
  const got =
    secret === true ? `${text.length} characters of another form` : JSON.stringify(text.slice(0, 100));
  return fault?.(text) ?? { expected, got };
}

/** Checks the rules that involve two variables. A rule applies only if both variables were read. */
function relations(values: Partial<Record<VariableName, unknown>>): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const { SLABMEND_DATABASE_URL: url, SLABMEND_DATABASE_CA: authorities } = values;
  const database = url instanceof Secret ? readDatabaseUrl(url.reveal()) : undefined;
  if (authorities !== undefined && database !== undefined && !("fault" in database)) {
    const unused = findUnusedAuthorities(database.tls);
    if (unused !== undefined) problems.push(unused);
  }
  return problems;
}
