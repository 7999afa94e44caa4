import { relative, resolve } from "node:path";
import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { isPem } from "../lib/config/database-ca.ts";
import { findProblems, variablesOf } from "../lib/config/parse-environment.ts";
import type { VariableName } from "../lib/config/variables.ts";
import type { FunctionName } from "./function-settings.ts";

/** What the deployment itself gives each function: secrets, queues and what follows from the stage's settings. */
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

/** Where a function finds the authorities that were given as a file: Lambda's working directory holds the bundle. */
const CA_FILE = "database-ca.pem";

/** Lambda's limit of all names and values of a function together. */
const MOST_BYTES = 4_096;
/** The longest URL of a queue: its region has at most 16 characters, its name at most 80. */
const QUEUE_URL_BYTES = 144;
/** What SST adds of its own, with room for the next version: SST_RESOURCE_App and the like (test/infra/settings.test.ts). */
const SST_BYTES = 512;

type Variables = Readonly<Record<string, string | undefined>>;

/** What an operator may choose for a function in the environment of `sst deploy`; never what is supplied. */
function choosable(name: FunctionName): readonly VariableName[] {
  const supplied: readonly VariableName[] = SUPPLIED[name];
  return variablesOf(name).filter((variable) => !supplied.includes(variable));
}

/** The variables of docs/configuration.md that the operator has set, for one function. */
export function chosenVariables(name: FunctionName, environment: Variables): Record<string, string> {
  return Object.fromEntries(
    choosable(name).flatMap((variable) => {
      const text = environment[variable];
      if (text === undefined) return [];
      return [[variable, variable === "SLABMEND_DATABASE_CA" && isPath(text) ? CA_FILE : text]];
    }),
  );
}

/** What a function would refuse to start with, defaults included: a rule may bind one that is set to one that is not. */
export function chosenProblems(name: FunctionName, environment: Variables): readonly ConfigurationProblem[] {
  return findProblems(choosable(name), environment);
}

/**
 * Whether Lambda would refuse a function for the size of its variables, which it says in the middle of a deployment.
 * @param supplied what is known of the supplied ones; URLs of queues are not, and count at their longest
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
      ? ": give the path of a file of the certificates, which then goes into the bundle"
      : "";
  return {
    name: largest.variable,
    expected: `the variables of a function to have at most ${MOST_BYTES} bytes with their names, as Lambda demands${remedy}`,
    got: `${bytes} bytes for ${name}, ${largest.bytes} of them here`,
  };
}

/** Files that go into every bundle: all variables of a function have 4 KB together, RDS's certificates do not fit. */
export function chosenFiles(root: string, environment: Variables): { from: string; to: string }[] {
  const path = environment["SLABMEND_DATABASE_CA"];
  // SST appends it to the root.
  return path !== undefined && isPath(path)
    ? [{ from: relative(root, resolve(root, path)), to: CA_FILE }]
    : [];
}

function isPath(authorities: string): boolean {
  return authorities !== "" && !isPem(authorities);
}
