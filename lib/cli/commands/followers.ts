import { forgetFollower } from "../../database/journal/followers.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { SCHEMA_VERSION } from "../../reports/fields.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { confirm } from "../command/confirm.ts";
import { withDatabase } from "../command/open-database.ts";

export function addFollowers(host: CommandHost): void {
  host.program
    .command("followers")
    .description("manage followers of the journal; status lists them")
    .command("forget")
    .description("remove a follower that is no longer needed, such as an archive whose place was removed")
    .argument("<name>", "the follower's name, as status shows it: archive PLACE")
    .option("--yes", "do not ask")
    .addHelpText(
      "after",
      `
Rows of the journal are deleted only after every follower has read them, so all rows that a stopped follower has not read
are kept. What the forgotten follower has written stays. If an archive is still configured, it starts again from the oldest
row, and its place must then be empty.`,
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
    remedy:
      "slabmend status --json lists the followers. The follower named totals cannot be removed: budgets need it.",
  });
}
