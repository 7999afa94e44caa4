import { describeSchema } from "../../../database/schema/describe-schema.ts";
import { migrateDatabase, STORE_VERSION } from "../../../database/schema/migrate-database.ts";
import type { CommandContext } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { assertMayInit, describeInit } from "../schema/change-schema.ts";
import { attempt } from "./attempt.ts";
import { type Setup, SKIP } from "./setup.ts";

/** Limit of an hour: building indexes takes time in proportion to the number of rows. */
const CHANGE = { limitMs: 3_600_000 } as const;

/** Creates or upgrades our schema, in one transaction. */
export async function schemaStep(setup: Setup, login: CommandContext): Promise<void> {
  const { questions } = setup;
  const found = await attempt(setup, () =>
    withDatabase(login, { needs: "indexd" }, async (ask) => {
      const state = await ask(describeSchema, { isIdempotent: true });
      assertMayInit(state);
      return state;
    }),
  );
  if ("failure" in found) return questions.tell("2 of 5, schema: skipped, for the reason above");
  const state = found.result;
  if (state.version === STORE_VERSION && !state.mayDrop) {
    return questions.tell(`✓ 2 of 5, schema: version ${state.version} exists, owned by ${state.owner}`);
  }
  questions.tell(["slabmend init will", ...describeInit(state).map((line) => `- ${line}`)].join("\n"));
  const answer = await questions.choose("2 of 5, schema: do this now?", [
    { value: "init", label: "Do it" },
    SKIP,
  ]);
  if (answer === "skip") return;
  const { SLABMEND_ACCEPT_INDEXD_VERSION: accepted } = login.parse(["SLABMEND_ACCEPT_INDEXD_VERSION"]);
  const made = await attempt(setup, () =>
    withDatabase(login, { needs: "indexd" }, (ask) => ask((sql) => migrateDatabase(sql, accepted), CHANGE)),
  );
  if ("result" in made) questions.tell(`✓ schema slabmend, version ${made.result.to}`);
}
