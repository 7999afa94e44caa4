import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { findUrlFault, readDatabaseUrl } from "../lib/config/database-url.ts";
import { findProblems } from "../lib/config/parse-environment.ts";
import type { VariableName } from "../lib/config/variables.ts";

/** Set with `npx sst secret set NAME --stage STAGE`, and what a function reads each as. */
const SECRETS = {
  DatabaseUrl: "SLABMEND_DATABASE_URL",
  MigrationSeed: "SLABMEND_MIGRATION_SEED",
} as const satisfies Record<string, VariableName>;

/**
 * What is wrong with the secrets' values, never repeating them. SST hands them to the program in its environment;
 * asking its Secret would tell only when half of the stage is registered, and of one only.
 */
export async function secretProblems(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly ConfigurationProblem[]> {
  const problems = Object.entries(SECRETS).flatMap(([secret, variable]) => {
    const [problem] = findProblems([variable], { [variable]: environment[`SST_SECRET_${secret}`] });
    return problem === undefined ? [] : [{ ...problem, name: secret }];
  });
  if (problems.some(({ name }) => name === "DatabaseUrl")) return problems;
  // A wrong SLABMEND_DATABASE_CA is found with the other variables; here, whether the URL lets it be used.
  const url = readDatabaseUrl(environment["SST_SECRET_DatabaseUrl"] ?? "");
  const hasAuthorities = Boolean(environment["SLABMEND_DATABASE_CA"]);
  if (hasAuthorities && !("fault" in url) && url.tls !== "verified") {
    const expected = "sslmode=verify-full, as SLABMEND_DATABASE_CA is set";
    return [{ name: "DatabaseUrl", expected, got: "another" }, ...problems];
  }
  // Needs to resolve a name, as seen from where `sst deploy` runs; what cannot be told there the functions find out.
  const exposure = await findUrlFault(environment["SST_SECRET_DatabaseUrl"] ?? "").catch(() => undefined);
  return exposure === undefined ? problems : [{ name: "DatabaseUrl", ...exposure }, ...problems];
}
