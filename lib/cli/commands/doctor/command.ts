import { DEFAULT_REPAIR_CONCURRENCY } from "../../../config/repair-concurrency.ts";
import { judgeVersion } from "../../../database/indexd/version/judge-version.ts";
import { readIndexdCatalogue } from "../../../database/indexd/version/verify-indexd.ts";
import { readServerFacts } from "../../../database/schema/read-server-facts.ts";
import { action, type CommandContext, type CommandHost } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { wholeNumber } from "../../command/option-values.ts";
import { countTroubles, renderChecks } from "./render-checks.ts";
import { acceptedVersionOf, runChecks } from "./run-checks.ts";

interface DoctorOptions {
  readonly concurrency?: number;
  readonly hosts: number;
  readonly fingerprint?: boolean;
}

export function addDoctor(host: CommandHost): void {
  host.program
    .command("doctor")
    .description("check what the fleet depends on: database, role, clocks, hosts, account, queues, functions")
    .option(
      "--concurrency <n>",
      `planned number of simultaneous repairs; default: SLABMEND_REPAIR_CONCURRENCY, else ${DEFAULT_REPAIR_CONCURRENCY}`,
      wholeNumber(1, 10_000),
    )
    .option(
      "--hosts <n>",
      "number of good hosts to dial, drawn at random; 0: none",
      wholeNumber(0, 1_000),
      20,
    )
    .option(
      "--fingerprint",
      "instead of checking, print the definitions of indexd's tables as JSON, to attach to a bug report",
    )
    .addHelpText(
      "after",
      `
Changes nothing and pays no host. Each line is ok, a warning (works, but needs attention), a failure (does not work) or
skipped (a variable that it needs is not set). Exits with 6 if there is a failure. Run it where the workers run: what it reaches is
what they reach.`,
    )
    .action(
      action<DoctorOptions>(host, async (context, options) => {
        if (options.fingerprint === true) return await printFingerprint(context);
        const concurrency =
          options.concurrency ?? context.parse(["SLABMEND_REPAIR_CONCURRENCY"]).SLABMEND_REPAIR_CONCURRENCY;
        const checks = await runChecks(context, { concurrency, hosts: options.hosts });
        const { failures, warnings } = countTroubles(checks);
        const report = {
          failures,
          warnings,
          checks: checks.map(({ remedy = null, ...check }) => ({ ...check, remedy })),
        };
        context.print(report, renderChecks(checks));
        return failures > 0 ? "findings" : "done";
      }),
    );
}

/** Names, types and definitions of indexd's tables, without any rows. Works for every version of indexd. */
async function printFingerprint(context: CommandContext): Promise<"done"> {
  await withDatabase(context, { needs: "any" }, async (ask) => {
    const found = await ask(readIndexdCatalogue, { isIdempotent: true });
    const verdict =
      found.databaseVersion === undefined
        ? undefined
        : judgeVersion(found.databaseVersion, found, acceptedVersionOf(context));
    const { versionNumber: postgresVersion } = await ask(readServerFacts, { isIdempotent: true });
    const report = { postgresVersion, verdict: verdict?.kind, ...found };
    context.print(report, JSON.stringify(report, null, 2));
  });
  return "done";
}
