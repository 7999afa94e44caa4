import { forgetFollower } from "../../database/journal/followers.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { SCHEMA_VERSION } from "../../reports/fields.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { confirm } from "../command/confirm.ts";
import { withDatabase } from "../command/open-database.ts";

export function addFollowers(host: CommandHost): void {
  host.program
    .command("followers")
    .description("followers of the journal, which status lists")
    .command("forget")
    .description("forget a follower that is no longer wanted, such as the archive of a place that is gone")
    .argument("<name>", "as status names it: archive PLACE")
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      `
Rows of the journal are deleted only behind all followers, so one that never goes on keeps all of them. What it has written stays
where it is. An archive that is still configured begins again with the oldest row, into its place, which must then be empty.`,
    )
    .action(
      action<{ yes?: boolean }>(host, async (context, options, [name = ""]) => {
        await confirm(context, options);
        const isForgotten = await withDatabase(context, { needs: "store" }, (ask) =>
          ask((sql) => forgetFollower(sql, name)),
        );
        if (!isForgotten) throw noSuchFollower(name);
        context.print({ schemaVersion: SCHEMA_VERSION, forgotten: name }, `${name} is forgotten`);
        return "done";
      }),
    );
}

function noSuchFollower(name: string): OperatorError {
  return new OperatorError({
    code: "no-such-follower",
    message: `followers forget: expected the name of an archive that status lists, got ${JSON.stringify(name.slice(0, 200))}`,
    remedy: "slabmend status --json lists them. The totals cannot be forgotten: budgets need them.",
  });
}
