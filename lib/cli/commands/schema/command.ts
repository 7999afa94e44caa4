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

/** Limit of an hour: building indexes and bumping events takes time in proportion to the number of rows. */
const CHANGE = { limitMs: 3_600_000 } as const;

const YES = ["-y, --yes", "do not ask"] as const;
const DRY_RUN = ["--dry-run", "only print what it would do"] as const;

export function addSchema(host: CommandHost): void {
  host.program
    .command("init")
    .description("create or upgrade slabmend's schema in indexd's database, after printing what it will do")
    .option(...YES)
    .option(...DRY_RUN)
    .option("--again", "create a deleted indexer again")
    .addHelpText(
      "after",
      `
Run it as the owner of the database before the first deployment and before each deployment of a release with a newer
schema. It runs in one transaction, all or nothing, and is safe to repeat. Afterwards run slabmend grant.`,
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
    .description("remove slabmend's schema from indexd's database, after printing what it will do")
    .option(...YES)
    .option(...DRY_RUN)
    .option("--force", "remove the schema even while repairs are running: their work is lost, but no data")
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

/**
 * Prints the plan to standard error before the question. A dry run prints it to standard output instead, as its result.
 */
function announce(context: CommandContext, will: readonly string[]): void {
  context.note(inWords(will).join("\n"));
}

function inWords(will: readonly string[]): string[] {
  return ["It will", ...will.map((line) => `- ${line}`)];
}
