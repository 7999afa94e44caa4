import { DEFAULT_REPAIR_CONCURRENCY } from "../../config/repair-concurrency.ts";
import { grantStatements } from "../../database/schema/grant-statements.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { wholeNumber } from "../command/option-values.ts";

interface GrantCommandOptions {
  readonly role: string;
  readonly concurrency?: number;
}

export function addGrant(host: CommandHost): void {
  host.program
    .command("grant")
    .description("print the SQL for a database role that can do only what the fleet does")
    .option("--role <name>", "name of the role", "slabmend")
    .option(
      "--concurrency <n>",
      `number of simultaneous repairs; default: SLABMEND_REPAIR_CONCURRENCY, else ${DEFAULT_REPAIR_CONCURRENCY}; the role's connection limit is this number plus five`,
      wholeNumber(1, 10_000),
    )
    .addHelpText(
      "after",
      `
Needs no database and changes nothing. The SQL creates the role if it does not exist, revokes all its privileges on
these tables, and grants those that claim, repair and reap need, on indexd's tables column by column. When applied, it
warns if the server's max_connections (PostgreSQL's default: 100) leaves indexd fewer than 20. Apply it as the owner:

  slabmend grant | psql "$OWNER_URL"
  psql "$OWNER_URL" -c '\\password slabmend'`,
    )
    .action(
      action<GrantCommandOptions>(host, async (context, options) => {
        const sql = grantStatements({
          role: options.role,
          concurrency:
            options.concurrency ?? context.parse(["SLABMEND_REPAIR_CONCURRENCY"]).SLABMEND_REPAIR_CONCURRENCY,
        });
        context.print({ sql }, sql);
        return "done";
      }),
    );
}
