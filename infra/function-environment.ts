import { parseEnvironment, variablesOf } from "../lib/config/parse-environment.ts";
import { VARIABLES, type VariableName } from "../lib/config/variables.ts";
import type { FunctionName } from "./function-settings.ts";

/**
 * The variables of docs/configuration.md that the operator sets in the environment of `sst deploy`, for one function.
 * What the deployment itself supplies (`supplied`, secrets) cannot be set from there.
 *
 * @throws {ConfigurationError} here rather than in a function that starts with it
 */
export function chosenVariables(
  name: FunctionName,
  environment: Readonly<Record<string, string | undefined>>,
  supplied: readonly string[],
): Record<string, string> {
  const chosen = variablesOf(name).filter(
    (variable: VariableName) => !supplied.includes(variable) && environment[variable] !== undefined,
  );
  parseEnvironment(chosen, environment);
  return Object.fromEntries(chosen.map((variable) => [variable, environment[variable] ?? ""]));
}

/** Secrets come from SST, which keeps them encrypted. */
export const SECRET_VARIABLES = (Object.keys(VARIABLES) as VariableName[]).filter(
  (name) => "secret" in VARIABLES[name],
);
