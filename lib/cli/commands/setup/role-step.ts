import { randomBytes } from "node:crypto";
import { grantStatements } from "../../../database/schema/grant-statements.ts";
import { makeFleetRole, readRoleFacts } from "../../../database/schema/make-fleet-role.ts";
import { readPrivilegeGaps } from "../../../database/schema/missing-privileges.ts";
import { Secret } from "../../../secret/secret.ts";
import { type CommandContext, withVariables } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { attempt } from "./attempt.ts";
import { nameLogin } from "./database-step.ts";
import { type Setup, SKIP } from "./setup.ts";

const DEFAULT_ROLE = "slabmend";

/** Finds or creates the workers' login and saves it. @returns the context with this login */
export async function roleStep(setup: Setup, login: CommandContext): Promise<CommandContext> {
  const { questions } = setup;
  const found = await attempt(setup, () =>
    withDatabase(login, { needs: "store" }, (ask) => ask(readPrivilegeGaps, { isIdempotent: true })),
  );
  if ("failure" in found) {
    questions.tell("3 of 5, role: skipped until the next run, because it needs the schema");
    return login;
  }
  const { missing, excessive } = found.result;
  if (missing.length === 0 && excessive.length === 0) {
    questions.tell(`✓ 3 of 5, role: ${nameLogin(login)} has the fleet's privileges and no others`);
    return await saved(setup, login);
  }
  const answer = await questions.choose(
    "3 of 5, role: workers need a role with only the fleet's privileges",
    [
      { value: "make", label: "Create it" },
      { value: "enter", label: "Enter the URL of an existing role" },
      SKIP,
    ],
  );
  if (answer === "enter") return (await enterRole(setup, login)) ?? (await skipped(setup, login));
  if (answer === "skip") return await skipped(setup, login);
  return (await makeOrPrint(setup, login)) ?? (await skipped(setup, login));
}

/**
 * Asks for the role's name until a name can be used, then creates the role. If this login may not create roles, prints
 * the statements for an administrator and asks for the role's URL.
 * @returns the context with the role's login; undefined: the workers have no role yet
 */
async function makeOrPrint(setup: Setup, login: CommandContext): Promise<CommandContext | undefined> {
  const { questions } = setup;
  for (;;) {
    const role = await questions.text("Name of the role", DEFAULT_ROLE);
    const { SLABMEND_REPAIR_CONCURRENCY: concurrency } = login.parse(["SLABMEND_REPAIR_CONCURRENCY"]);
    const prepared = await attempt(setup, async () => ({
      sql: grantStatements({ role, concurrency }),
      ...(await withDatabase(login, { needs: "store" }, (ask) =>
        ask((sql) => readRoleFacts(sql, role), { isIdempotent: true }),
      )),
    }));
    if ("failure" in prepared) continue;
    const { sql, exists, mayMake } = prepared.result;
    if (!mayMake) return await printRole(setup, login, sql);
    if (exists) {
      const agreed = await questions.choose(
        `Role ${role} exists. If setup changes its password, workers that use it would need the new password`,
        [
          { value: "other", label: "Choose another name" },
          { value: "replace", label: "Give it a new password" },
          SKIP,
        ],
      );
      if (agreed === "skip") return undefined;
      if (agreed === "other") continue;
    }
    const password = new Secret(randomBytes(24).toString("hex"));
    const made = await attempt(setup, () =>
      withDatabase(login, { needs: "store" }, (ask) =>
        ask((client) => makeFleetRole(client, { role, concurrency, password })),
      ),
    );
    if ("failure" in made) {
      return made.failure.code === "lacks-right" ? await printRole(setup, login, sql) : undefined;
    }
    // Saved before it is tested: only this process knows the password.
    const worker = await saved(setup, withLogin(login, role, password));
    const tried = await attempt(setup, () => withDatabase(worker, { needs: "fleet" }, async () => {}));
    if ("result" in tried) questions.tell(`✓ role ${role} has its own password and works`);
    return worker;
  }
}

async function printRole(
  setup: Setup,
  login: CommandContext,
  sql: string,
): Promise<CommandContext | undefined> {
  setup.questions.tell(
    `${nameLogin(login)} may not create a role. Run these statements as an administrator:`,
  );
  setup.questions.show(sql);
  return await enterRole(setup, login);
}

async function enterRole(setup: Setup, login: CommandContext): Promise<CommandContext | undefined> {
  for (;;) {
    const answer = await setup.questions.choose("The role's URL", [
      { value: "enter", label: "Enter it" },
      SKIP,
    ]);
    if (answer === "skip") return undefined;
    const url = await setup.questions.hidden("URL with the role's name and password (not shown)");
    const worker = withVariables(login, { SLABMEND_DATABASE_URL: url.reveal() });
    const tried = await attempt(setup, () => withDatabase(worker, { needs: "fleet" }, async () => {}));
    if ("failure" in tried) continue;
    setup.questions.tell(`✓ ${nameLogin(worker)} has the fleet's privileges`);
    return await saved(setup, worker);
  }
}

/**
 * The result if this step is skipped: workers keep the login in the file or, if the file has none, get the operator's
 * login.
 */
async function skipped(setup: Setup, login: CommandContext): Promise<CommandContext> {
  const kept = setup.target.known["SLABMEND_DATABASE_URL"];
  if (kept) {
    setup.questions.tell("Workers keep the login that is in the file");
    return withVariables(login, { SLABMEND_DATABASE_URL: kept });
  }
  setup.questions.tell("Workers get the login of step 1; a separate role would be safer");
  return await saved(setup, login);
}

async function saved(setup: Setup, worker: CommandContext): Promise<CommandContext> {
  const { SLABMEND_DATABASE_CA: authorities } = worker.variables;
  await setup.target.save({
    SLABMEND_DATABASE_URL: worker.databaseUrl!.reveal(),
    ...(authorities ? { SLABMEND_DATABASE_CA: authorities } : {}),
  });
  return worker;
}

function withLogin(login: CommandContext, role: string, password: Secret<string>): CommandContext {
  const url = new URL(login.databaseUrl!.reveal());
  url.username = role;
  url.password = password.reveal();
  return withVariables(login, { SLABMEND_DATABASE_URL: url.href });
}
