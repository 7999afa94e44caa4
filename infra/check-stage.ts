import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { SlabmendError } from "../lib/errors/slabmend-error.ts";
import { secretProblems } from "./check-secrets.ts";
import { chosenProblems } from "./function-environment.ts";
import { FUNCTIONS, type FunctionName } from "./function-settings.ts";
import { readStageSettings, type StageSettings } from "./settings.ts";

/** Why a stage is not deployed. SST prints the message only, so the remedies are in it. */
export class StageError extends SlabmendError<"stage-refused"> {
  constructor(
    stage: string,
    problems: {
      readonly variables: readonly ConfigurationProblem[];
      readonly secrets: readonly ConfigurationProblem[];
    },
  ) {
    const line = ({ name, expected, got }: ConfigurationProblem) =>
      `${name}: expected ${expected}, got ${got}`;
    const remedy = [
      ...(problems.variables.length === 0
        ? []
        : [`Set variables in .env.${stage}; docs/deployment.md and docs/configuration.md list them.`]),
      ...problems.secrets.map(
        ({ name }) =>
          `Set it with \`npx sst secret set ${name} --stage ${stage}\`, which asks for the value.`,
      ),
    ].join("\n");
    const lines = [
      ...problems.variables.map(line),
      ...problems.secrets.map((problem) => `secret ${line(problem)}`),
    ];
    super({
      code: "stage-refused",
      message: `${lines.length} problem(s) of stage ${stage}; nothing was made:\n  ${lines.join("\n  ")}\n${remedy}`,
      remedy,
    });
  }
}

/**
 * Everything that an operator may get wrong, looked at before anything is registered: a stage half made costs money
 * and has to be removed by hand.
 * @throws {StageError} with every problem at once, and without any secret
 */
export async function checkStage(
  stage: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<StageSettings> {
  const { settings, problems } = readStageSettings(environment);
  const names = Object.keys(FUNCTIONS) as FunctionName[];
  // A variable that several functions read is one problem.
  const chosen = new Map(
    names.flatMap((name) => chosenProblems(name, environment)).map((problem) => [problem.name, problem]),
  );
  const variables = [...problems, ...chosen.values()];
  const secrets = await secretProblems(environment);
  if (variables.length + secrets.length > 0) throw new StageError(stage, { variables, secrets });
  return settings;
}
