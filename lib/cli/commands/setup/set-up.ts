/**
 * Runs the steps in order. Each step is atomic: the schema and the role are one transaction each, and the file is
 * replaced as a whole after each step that found a value. Ctrl+C between steps keeps the finished steps, and the next
 * run offers their values.
 */
import { type CommandContext, withVariables } from "../../command/command-context.ts";
import type { ExitReason } from "../../command/exit-codes.ts";
import { assertNotOnCommandLine } from "../../command/open-database.ts";
import { databaseStep } from "./database-step.ts";
import { lookStep } from "./look-step.ts";
import type { Questions } from "./questions.ts";
import { awsSteps, serveCommand } from "./render-next.ts";
import { roleStep } from "./role-step.ts";
import { schemaStep } from "./schema-step.ts";
import { seedStep } from "./seed-step.ts";
import type { Setup } from "./setup.ts";
import { openTarget, type VariablesTarget } from "./variables-target.ts";

/** @param serve runs until stopped */
export async function setUp(
  given: CommandContext,
  file: string,
  questions: Questions,
  serve: (context: CommandContext) => Promise<ExitReason>,
): Promise<ExitReason> {
  assertNotOnCommandLine(given);
  const target = await chooseTarget(file, questions);
  // The environment takes precedence over the file, as for every command.
  const context = withVariables(given, {
    ...target.known,
    ...definedIn(given.variables),
    ...(given.databaseUrl === undefined ? {} : { SLABMEND_DATABASE_URL: given.databaseUrl.reveal() }),
  });
  const setup: Setup = { questions, context, target };
  const login = await databaseStep(setup);
  let worker = login;
  if (login !== undefined) {
    await schemaStep(setup, login);
    worker = await roleStep(setup, login);
  }
  const seed = await seedStep(setup, login);
  if (seed !== undefined && worker !== undefined) {
    worker = withVariables(worker, { SLABMEND_MIGRATION_SEED: seed.reveal() });
  }
  if (worker !== undefined) await lookStep(setup, worker);
  return await goOn(setup, seed === undefined ? undefined : worker, serve);
}

const definedIn = (variables: CommandContext["variables"]) =>
  Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined));

async function chooseTarget(file: string, questions: Questions): Promise<VariablesTarget> {
  for (let path = file; ; ) {
    const target = await openTarget(path);
    if (!target.exists) {
      questions.tell(`Values will be written to ${target.path}, which only you can read (mode 0600)`);
      return target;
    }
    const answer = await questions.choose(`${target.path} exists`, [
      { value: "update", label: "Change the variables that setup sets, and keep all others" },
      { value: "other", label: "Write another file" },
    ]);
    if (answer === "update") return target;
    path = (await questions.text("Path of the file", file)) || file;
  }
}

/** @param worker undefined if a step that a worker needs was skipped */
async function goOn(
  { questions, target }: Setup,
  worker: CommandContext | undefined,
  serve: (context: CommandContext) => Promise<ExitReason>,
): Promise<ExitReason> {
  if (worker === undefined) {
    questions.tell("The database or the seed was skipped: run slabmend setup again before slabmend serve");
    return "done";
  }
  const next = await questions.choose("Set up. What now?", [
    { value: "serve", label: "Start slabmend serve here" },
    { value: "aws", label: "Show the steps that deploy it to AWS" },
    { value: "end", label: "Nothing more" },
  ]);
  if (next === "serve") return await serve(worker);
  if (next === "aws") questions.show(awsSteps(target.path));
  else questions.show(serveCommand(target.path));
  return "done";
}
