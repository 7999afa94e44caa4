import { describeSchema } from "../../../database/schema/describe-schema.ts";
import { migrateDatabase } from "../../../database/schema/migrate-database.ts";
import { removeSchema } from "../../../database/schema/remove-schema.ts";
import { action, type CommandContext, type CommandHost } from "../../command/command-context.ts";
import { confirm } from "../../command/confirm.ts";
import { withDatabase } from "../../command/open-database.ts";
import { assertMayInit, assertMayUninstall, describeInit, describeUninstall } from "./change-schema.ts";

interface SchemaOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly again?: boolean;
}

/** Building indexes and bumping events takes as long as there are rows; a silent server is left all the same. */
const CHANGE = { limitMs: 3_600_000 } as const;

const YES = ["-y, --yes", "do not ask"] as const;
const DRY_RUN = ["--dry-run", "say what it would do, and end"] as const;

export function addSchema(host: CommandHost): void {
  host.program
    .command("init")
    .description("create or upgrade our schema in indexd's database; says first what it will do")
    .option(...YES)
    .option(...DRY_RUN)
    .option("--again", "make an indexer again that was deleted")
    .addHelpText(
      "after",
      `
Run it as the owner of the database, once before the first deployment and once before each deployment of a release
with a newer schema. All or nothing, in one transaction; safe to run again. Afterwards: slabmend grant.`,
    )
    .action(
      action<SchemaOptions>(host, async (context, options) => {
        const result = await withDatabase(context, { needs: "indexd" }, async (ask) => {
          const state = await ask(describeSchema, { isIdempotent: true });
          const again = options.again === true;
          assertMayInit(state, again);
          const will = describeInit(state);
          if (options.dryRun === true) return { done: false, will, from: null, to: null };
          announce(context, will);
          await confirm(context, options);
          const accepted = acceptedVersionOf(context);
          return { done: true, will, ...(await ask((sql) => migrateDatabase(sql, accepted, again), CHANGE)) };
        });
        context.print(
          result,
          result.done ? "done" : [...inWords(result.will), "nothing was changed"].join("\n"),
        );
        return "done";
      }),
    );
  host.program
    .command("uninstall")
    .description("remove our schema from indexd's database; says first what it will do")
    .option(...YES)
    .option(...DRY_RUN)
    .option("--force", "even though repairs are running: they are lost, no data is")
    .action(
      action<SchemaOptions>(host, async (context, options) => {
        const result = await withDatabase(context, { needs: "indexd" }, async (ask) => {
          const state = await ask(describeSchema, { isIdempotent: true });
          assertMayUninstall(state, options.force === true);
          const will = describeUninstall(state);
          if (options.dryRun === true) return { done: false, will, eventsBumped: null, slabsFreed: null };
          announce(context, will);
          await confirm(context, options);
          const accepted = acceptedVersionOf(context);
          return { done: true, will, ...(await ask((sql) => removeSchema(sql, accepted), CHANGE)) };
        });
        context.print(
          result,
          result.done ? "done" : [...inWords(result.will), "nothing was changed"].join("\n"),
        );
        return "done";
      }),
    );
}

function acceptedVersionOf(context: CommandContext): number | undefined {
  return context.parse(["SLABMEND_ACCEPT_INDEXD_VERSION"]).SLABMEND_ACCEPT_INDEXD_VERSION;
}

/** Before it asks. Of a dry run the plan is the result, and goes to standard output. */
function announce(context: CommandContext, will: readonly string[]): void {
  context.note(inWords(will).join("\n"));
}

function inWords(will: readonly string[]): string[] {
  return ["It will", ...will.map((line) => `- ${line}`)];
}
