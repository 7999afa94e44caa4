import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { findUrlFault, readDatabaseUrl } from "../lib/config/database-url.ts";
import { findProblems } from "../lib/config/parse-environment.ts";
import type { VariableName } from "../lib/config/variables.ts";
import { resourceName } from "./names.ts";

/**
 * The secrets, and the variable that each of them supplies. `npx sst secret set NAME --stage STAGE` sets a secret; NAME
 * is the indexer's name followed by the name below.
 */
const SECRETS = {
  DatabaseUrl: "SLABMEND_DATABASE_URL",
  MigrationSeed: "SLABMEND_MIGRATION_SEED",
} as const satisfies Record<string, VariableName>;

type Variables = Readonly<Record<string, string | undefined>>;

const VARIABLES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(SECRETS).map(([secret, variable]) => [variable, secret]),
);

/** Whether a variable's value is a secret of the stage. */
export function isSecret(variable: string): boolean {
  return variable in VARIABLES;
}

/** The secret's name for a variable. */
export function secretName(indexer: string, variable: string): string {
  return resourceName(indexer, VARIABLES[variable] ?? variable);
}

/** The values of an indexer's secrets, by variable. SST passes them to this program as environment variables. */
export function secretValues(
  indexer: string,
  environment: Variables,
): Readonly<Partial<Record<VariableName, string>>> {
  return Object.fromEntries(
    Object.entries(SECRETS).flatMap(([secret, variable]) => {
      const value = environment[`SST_SECRET_${resourceName(indexer, secret)}`];
      return value === undefined ? [] : [[variable, value]];
    }),
  );
}

/**
 * The problems of the secrets' values; no problem contains a value. SST's Secret would report only one problem, and
 * only after half of the stage is registered.
 */
export async function secretProblems(
  indexer: string,
  environment: Variables,
): Promise<readonly ConfigurationProblem[]> {
  const values = secretValues(indexer, environment);
  const problems = Object.entries(SECRETS).flatMap(([secret, variable]) => {
    const [problem] = findProblems([variable], values);
    return problem === undefined ? [] : [{ ...problem, name: resourceName(indexer, secret) }];
  });
  const name = resourceName(indexer, "DatabaseUrl");
  if (problems.some((problem) => problem.name === name)) return problems;
  // A malformed SLABMEND_DATABASE_CA is reported with the other variables; here, check that the URL uses it.
  const text = values.SLABMEND_DATABASE_URL ?? "";
  const url = readDatabaseUrl(text);
  const hasAuthorities = Boolean(environment["SLABMEND_DATABASE_CA"]);
  if (hasAuthorities && !("fault" in url) && url.tls !== "verified") {
    const expected = "sslmode=verify-full, as SLABMEND_DATABASE_CA is set";
    return [{ name, expected, got: "another" }, ...problems];
  }
  // Resolves the host's name on the machine that runs `sst deploy`. If this fails, nothing is reported: the functions
  // check the name when they run.
  const exposure = await findUrlFault(text).catch(() => undefined);
  return exposure === undefined ? problems : [{ name, ...exposure }, ...problems];
}
