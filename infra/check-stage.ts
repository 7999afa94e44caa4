import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { MAX_REPAIR_CONCURRENCY } from "../lib/config/repair-concurrency.ts";
import { SlabmendError } from "../lib/errors/slabmend-error.ts";
import { isSecret, secretName, secretProblems, secretValues } from "./check-secrets.ts";
import { chosenProblems, environmentSizeProblem } from "./function-environment.ts";
import { FUNCTIONS, type FunctionName } from "./function-settings.ts";
import { namesOf } from "./names.ts";
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
  const functions = Object.keys(FUNCTIONS) as FunctionName[];
  // Of a malformed name there are no secrets to look for.
  const { SLABMEND_INDEXER: indexer } = settings as Partial<StageSettings>;
  const supplied = indexer === undefined ? {} : suppliedValues(stage, indexer, environment);
  const sizes = functions.flatMap((name) => environmentSizeProblem(name, environment, supplied) ?? []);
  const chosen = functions.flatMap((name) => chosenProblems(name, environment));
  const variables = [...problems, ...onceEach([...chosen, ...sizes.filter(({ name }) => !isSecret(name))])];
  const secrets =
    indexer === undefined
      ? []
      : [
          ...(await secretProblems(indexer, environment)),
          ...onceEach(sizes.filter(({ name }) => isSecret(name))).map((problem) => ({
            ...problem,
            name: secretName(indexer, problem.name),
          })),
        ];
  if (variables.length + secrets.length > 0) throw new StageError(stage, { variables, secrets });
  return settings;
}

/** A variable that several functions read is one problem. */
function onceEach(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return [...new Map(problems.map((problem) => [problem.name, problem])).values()];
}

/** What is known of the variables that the deployment supplies, to see whether they fit. */
function suppliedValues(
  stage: string,
  indexer: string,
  environment: Readonly<Record<string, string | undefined>>,
) {
  return {
    ...secretValues(indexer, environment),
    SLABMEND_INDEXER: indexer,
    SLABMEND_METRICS_NAMESPACE: namesOf({ app: "slabmend", stage, indexer }).metricsNamespace,
    SLABMEND_REPAIR_CONCURRENCY: String(MAX_REPAIR_CONCURRENCY),
  };
}
