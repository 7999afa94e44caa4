import { readAuthorities } from "../../../config/database-ca.ts";
import { readDatabaseUrl } from "../../../config/database-url.ts";
import { type CommandContext, withVariables } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { attempt } from "./attempt.ts";
import type { Choice } from "./questions.ts";
import { type Setup, SKIP } from "./setup.ts";

type Answer = "keep" | "enter" | "authorities" | "skip";

/**
 * Finds a login that reaches a database of indexd, and does not save it: it may be the owner's, which workers should
 * not get. The role step saves the workers' login.
 * @returns the context with this login; undefined: skipped
 */
export async function databaseStep(setup: Setup): Promise<CommandContext | undefined> {
  const { questions } = setup;
  let context = setup.context;
  let failed: string | undefined;
  for (;;) {
    const answer = await questions.choose(
      "1 of 5, database: which login should be used for indexd's PostgreSQL?",
      choices(context, failed),
    );
    if (answer === "skip") return undefined;
    if (answer === "authorities") {
      context = withVariables(context, { SLABMEND_DATABASE_CA: await askAuthorities(setup) });
    } else if (answer === "enter") {
      questions.tell(
        "Preferably the owner's: postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full",
      );
      const url = await questions.hidden("URL of the database (not shown)");
      context = withVariables(context, { SLABMEND_DATABASE_URL: url.reveal() });
    }
    const login = context;
    const tried = await attempt(setup, () => withDatabase(login, { needs: "indexd" }, async () => {}));
    if ("result" in tried) {
      questions.tell(`✓ ${nameLogin(login)}: reached a database of indexd`);
      return login;
    }
    failed = tried.failure.code;
  }
}

/** @param failed the code with which the previous attempt failed; undefined: this is the first attempt */
function choices(context: CommandContext, failed: string | undefined): Choice<Answer>[] {
  const name = nameLogin(context);
  const enter: Choice<Answer> = {
    value: "enter",
    label: name === undefined ? "Enter its URL" : "Enter another URL",
  };
  const authorities: Choice<Answer> = {
    value: "authorities",
    label: "Enter the file of the authority that signed the server's certificate",
  };
  if (name === undefined) return [enter, SKIP];
  if (failed === undefined) return [{ value: "keep", label: `Use ${name}` }, enter, SKIP];
  const again: Choice<Answer> = { value: "keep", label: `Try ${name} again` };
  return [...(failed === "certificate-refused" ? [authorities] : []), enter, again, SKIP];
}

async function askAuthorities({ questions }: Setup): Promise<string> {
  for (;;) {
    const path = await questions.text("Path of a file with certificates in PEM");
    if (readAuthorities(path) !== undefined) return path;
    questions.tell("✗ expected the path of a readable file with certificates in PEM, got something else");
  }
}

/** Names the login without its password. Undefined if there is no usable URL. */
export function nameLogin({ databaseUrl }: Pick<CommandContext, "databaseUrl">): string | undefined {
  const database = readDatabaseUrl(databaseUrl?.reveal() ?? "");
  if ("fault" in database) return undefined;
  const { username, pathname } = new URL(database.url);
  return `${decodeURIComponent(username) || "the default role"} on ${database.host}:${database.port}${pathname}`;
}
