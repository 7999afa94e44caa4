import { relative, resolve } from "node:path";
import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { isPem } from "../lib/config/database-ca.ts";
import { findProblems, variablesOf } from "../lib/config/parse-environment.ts";
import type { VariableName } from "../lib/config/variables.ts";
import type { FunctionName } from "./function-settings.ts";

/**
 * The variables that the deployment supplies to each function: secrets, queues and values from the stage's settings.
 */
const BY_EACH = [
  "SLABMEND_DATABASE_URL",
  "SLABMEND_INDEXER",
  "SLABMEND_METRICS_NAMESPACE",
  "SLABMEND_QUEUE_URL",
] as const;
const SUPPLIED = {
  claim: [...BY_EACH, "SLABMEND_CHECK_QUEUE_URL", "SLABMEND_REPAIR_CONCURRENCY"],
  repair: [...BY_EACH, "SLABMEND_MIGRATION_SEED"],
  reap: [...BY_EACH, "SLABMEND_DEAD_LETTER_QUEUE_URL", "SLABMEND_ARCHIVE"],
} as const satisfies Record<FunctionName, readonly VariableName[]>;

export type Supplied<Name extends FunctionName> = (typeof SUPPLIED)[Name][number];

/**
 * The certificates of the database's authorities, relative to a function's working directory: Lambda unpacks bundles
 * there.
 */
const CA_FILE = "database-ca.pem";

/** Lambda's limit for the names and values of a function's variables together. */
const MOST_BYTES = 4_096;
/** Length of the longest queue URL: a region's name has at most 16 characters, a queue's name at most 80. */
const QUEUE_URL_BYTES = 144;
/**
 * Space for SST's own variables, such as SST_RESOURCE_App (test/infra/settings.test.ts), with a reserve for SST's next
 * version.
 */
const SST_BYTES = 512;

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * The variables that an operator may set for a function in the environment of `sst deploy`: all except those that the
 * deployment supplies.
 */
function choosable(name: FunctionName): readonly VariableName[] {
  const supplied: readonly VariableName[] = SUPPLIED[name];
  return variablesOf(name).filter((variable) => !supplied.includes(variable));
}

/** The variables of docs/configuration.md that the operator has set for one function. */
export function chosenVariables(name: FunctionName, environment: Variables): Record<string, string> {
  return Object.fromEntries(
    choosable(name).flatMap((variable) => {
      const text = environment[variable];
      if (text === undefined) return [];
      return [[variable, variable === "SLABMEND_DATABASE_CA" && isPath(text) ? CA_FILE : text]];
    }),
  );
}

/**
 * Problems that would keep a function from starting. Defaults are checked too, because a rule may also involve a
 * variable that is not set.
 */
export function chosenProblems(name: FunctionName, environment: Variables): readonly ConfigurationProblem[] {
  return findProblems(choosable(name), environment);
}

/**
 * Whether Lambda would refuse a function because of the size of its variables. Lambda itself refuses only in the middle
 * of a deployment.
 * @param supplied the known part of the supplied variables; queue URLs are unknown and count with the maximum length
 */
export function environmentSizeProblem(
  name: FunctionName,
  environment: Variables,
  supplied: Variables,
): ConfigurationProblem | undefined {
  const sizes = [
    ...Object.entries(chosenVariables(name, environment)),
    ...SUPPLIED[name].map((variable) => [variable, supplied[variable] ?? ""] as const),
  ].map(([variable, text]) => ({
    variable,
    bytes: variable.length + (variable.endsWith("QUEUE_URL") ? QUEUE_URL_BYTES : Buffer.byteLength(text)),
  }));
  const bytes = sizes.reduce((sum, size) => sum + size.bytes, SST_BYTES);
  if (bytes <= MOST_BYTES) return undefined;
  const largest = sizes.toSorted((a, b) => b.bytes - a.bytes)[0]!;
  const remedy =
    largest.variable === "SLABMEND_DATABASE_CA"
      ? ": set it to the path of a file of certificates, which then goes into the bundle"
      : "";
  return {
    name: largest.variable,
    expected: `at most ${MOST_BYTES} bytes for a function's variables and their names, Lambda's limit${remedy}`,
    got: `${bytes} bytes for ${name}, ${largest.bytes} of them here`,
  };
}

/**
 * Files to copy into every bundle: the database's certificates, because a function's variables have at most 4 KB
 * together, too little for RDS's certificates.
 */
export function chosenFiles(root: string, environment: Variables): { from: string; to: string }[] {
  const path = environment["SLABMEND_DATABASE_CA"];
  // A relative path, because SST appends it to the root.
  return path !== undefined && isPath(path)
    ? [{ from: relative(root, resolve(root, path)), to: CA_FILE }]
    : [];
}

function isPath(authorities: string): boolean {
  return authorities !== "" && !isPem(authorities);
}
