import type { ConfigurationProblem } from "../lib/config/configuration-error.ts";
import { type ConfiguredIndexer, readIndexers } from "../lib/config/indexer-files.ts";
import { INDEXER_NAME } from "../lib/config/indexer-name.ts";
import { MAX_REPAIR_CONCURRENCY } from "../lib/config/repair-concurrency.ts";
import { SlabmendError } from "../lib/errors/slabmend-error.ts";
import { isSecret, secretName, secretProblems, secretValues } from "./check-secrets.ts";
import { chosenProblems, environmentSizeProblem } from "./function-environment.ts";
import { FUNCTIONS, type FunctionName } from "./function-settings.ts";
import { namesOf } from "./names.ts";
import { isOfStage, readStageSettings, type StageSettings } from "./settings.ts";

/** The reason why a stage is not deployed. SST prints only the message, so the message contains the remedies. */
export class StageError extends SlabmendError<"stage-refused"> {
  constructor(stage: string, problems: Problems) {
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
      message: `${lines.length} problem(s) of stage ${stage}; nothing was created:\n  ${lines.join("\n  ")}\n${remedy}`,
      remedy,
    });
  }
}

export interface CheckedIndexer {
  readonly name: string;
  readonly settings: StageSettings;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

interface Problems {
  readonly variables: readonly ConfigurationProblem[];
  readonly secrets: readonly ConfigurationProblem[];
}

/**
 * Before anything is registered, checks everything that an operator may get wrong: a half-created stage costs money and
 * must be removed by hand.
 * @throws {StageError} with all problems, and without any secret
 */
export async function checkStage(
  stage: string,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly settings: StageSettings; readonly indexers: readonly CheckedIndexer[] }> {
  const { indexers, problems } = readIndexers(environment);
  const ofStage = readStageSettings(environment);
  const checked = await Promise.all(indexers.map((indexer) => checkIndexer(stage, indexer)));
  const variables = onceEach([
    ...problems,
    ...ofStage.problems,
    ...checked.flatMap((indexer) => indexer.problems.variables),
  ]);
  const secrets = checked.flatMap((indexer) => indexer.problems.secrets);
  if (variables.length + secrets.length > 0) throw new StageError(stage, { variables, secrets });
  return { settings: ofStage.settings, indexers: checked };
}

async function checkIndexer(
  stage: string,
  { name: indexer, environment, ownNames = [] }: ConfiguredIndexer,
): Promise<CheckedIndexer & { readonly problems: Problems }> {
  const { settings, problems } = readStageSettings(environment);
  const functions = Object.keys(FUNCTIONS) as FunctionName[];
  const isNamed = INDEXER_NAME.test(indexer);
  // An indexer with a malformed name can have no secrets.
  const supplied = isNamed ? suppliedValues(stage, indexer, environment) : {};
  const sizes = functions.flatMap((name) => environmentSizeProblem(name, environment, supplied) ?? []);
  const chosen = functions.flatMap((name) => chosenProblems(name, environment));
  const shared = ownNames
    .filter((name) => isOfStage(name))
    .map((name) => ({
      name,
      expected: "a value for the whole stage",
      got: `a value for ${indexer} alone`,
    }));
  const variables = [...problems, ...shared, ...chosen, ...sizes.filter(({ name }) => !isSecret(name))];
  const secrets = isNamed
    ? [
        ...(await secretProblems(indexer, environment)),
        ...onceEach(sizes.filter(({ name }) => isSecret(name))).map((problem) => ({
          ...problem,
          name: secretName(indexer, problem.name),
        })),
      ]
    : [];
  return { name: indexer, settings, environment, problems: { variables, secrets } };
}

/** A problem of a variable that several functions or indexers read is reported once, unless its values differ. */
function onceEach(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return [...new Map(problems.map((problem) => [`${problem.name} ${problem.got}`, problem])).values()];
}

/**
 * Those variables supplied by the deployment whose values are already known. They are needed to check Lambda's limit
 * for the size of a function's variables.
 */
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
