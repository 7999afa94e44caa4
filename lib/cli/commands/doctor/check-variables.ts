import { ConfigurationError } from "../../../config/configuration-error.ts";
import { parseEnvironment } from "../../../config/parse-environment.ts";
import { VARIABLES, type VariableName } from "../../../config/variables.ts";
import { type Check, failure, ok } from "./check.ts";

/**
 * Variables that are set must be valid. Missing variables are no failure: which ones are needed depends on what runs
 * here.
 */
export function checkVariables(variables: Readonly<Record<string, string | undefined>>): Check[] {
  const set = (Object.keys(VARIABLES) as VariableName[]).filter((name) => variables[name]);
  const misspelt = Object.keys(variables).filter(
    (name) => name.startsWith("SLABMEND_") && !(name in VARIABLES) && !KNOWN_ELSEWHERE.test(name),
  );
  try {
    parseEnvironment(set, variables);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map(({ name, expected, got }) =>
      failure("variables", `${name}: expected ${expected}, got ${got}`, error.remedy),
    );
  }
  return misspelt.length === 0
    ? [ok("variables", `${set.length} set, all well-formed`)]
    : [
        {
          code: "variables",
          level: "warning",
          says: `unknown: ${misspelt.join(", ")}`,
          remedy: "Correct misspelt names; docs/configuration.md and docs/deployment.md list all variables.",
        },
      ];
}

/**
 * Variables that are read only by the command line, by the tests, or as a stage's settings (infra/settings.ts,
 * .env.STAGE).
 */
const KNOWN_ELSEWHERE =
  /^SLABMEND_((CLAIM|REPAIR|REAP)_FUNCTION|TEST_.*|ALARM_EMAIL|MONTHLY_BUDGET_USD|BUDGET_SCOPE|ARCHITECTURE|INDEXERS|VPC(_SUBNETS|_SECURITY_GROUPS)?)$/;
