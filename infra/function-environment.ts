import { relative, resolve } from "node:path";
import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { isPem } from "../lib/config/database-ca.ts";
import { findProblems, variablesOf } from "../lib/config/parse-environment.ts";
import type { VariableName } from "../lib/config/variables.ts";
import type { FunctionName } from "./function-settings.ts";

/** What the deployment itself gives each function: secrets, queues and what follows from the stage's settings. */
const SUPPLIED = {
  claim: [
    "SLABMEND_DATABASE_URL",
    "SLABMEND_METRICS_NAMESPACE",
    "SLABMEND_QUEUE_URL",
    "SLABMEND_MAX_IN_FLIGHT",
  ],
  repair: [
    "SLABMEND_DATABASE_URL",
    "SLABMEND_METRICS_NAMESPACE",
    "SLABMEND_MIGRATION_SEED",
    "SLABMEND_QUEUE_URL",
  ],
  reap: [
    "SLABMEND_DATABASE_URL",
    "SLABMEND_METRICS_NAMESPACE",
    "SLABMEND_QUEUE_URL",
    "SLABMEND_DEAD_LETTER_QUEUE_URL",
  ],
} as const satisfies Record<FunctionName, readonly VariableName[]>;

export type Supplied<Name extends FunctionName> = (typeof SUPPLIED)[Name][number];

/** Where a function finds the authorities that were given as a file: Lambda's working directory holds the bundle. */
const CA_FILE = "database-ca.pem";

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
