import { DEFAULT_REPAIR_CONCURRENCY } from "../../../config/repair-concurrency.ts";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { StoreError } from "../../../database/client/store-error.ts";
import { readNetworkSnapshot } from "../../../database/indexd/network-snapshot.ts";
import { findNetworkProblems, readNetworkState } from "../../../database/indexd/network-state.ts";
import { judgeVersion } from "../../../database/indexd/version/judge-version.ts";
import { readIndexdCatalogue } from "../../../database/indexd/version/verify-indexd.ts";
import { readServerFacts } from "../../../database/schema/read-server-facts.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { action, type CommandContext, type CommandHost } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { wholeNumber } from "../../command/option-values.ts";
import { table } from "../../command/quantities.ts";
import { databaseError } from "../../command/report-failure.ts";
import { type Check, failure, ok, skipped, warning } from "./check.ts";
import { checkAws } from "./check-aws.ts";
import { checkDatabase } from "./check-database.ts";
import { checkHosts } from "./check-hosts.ts";
import { checkVariables } from "./check-variables.ts";

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
      `repairs at once that the fleet shall do; default: SLABMEND_REPAIR_CONCURRENCY, else ${DEFAULT_REPAIR_CONCURRENCY}`,
      wholeNumber(1, 10_000),
    )
    .option("--hosts <n>", "dial so many good hosts, drawn at random; 0: none", wholeNumber(0, 1_000), 20)
    .option(
      "--fingerprint",
      "print what the database says of indexd's tables instead, as JSON: to be sent with a report",
    )
    .addHelpText(
      "after",
      `
Changes nothing and pays nobody. Each line is ok, a warning (it works, but look), a failure (something does not work) or
skipped (what it needs is not set). Ends with 6 if there is a failure. Run it where the workers run: what it reaches is
what they reach.`,
    )
    .action(
      action<DoctorOptions>(host, async (context, options) => {
        if (options.fingerprint === true) return await printFingerprint(context);
        const concurrency =
          options.concurrency ?? context.parse(["SLABMEND_REPAIR_CONCURRENCY"]).SLABMEND_REPAIR_CONCURRENCY;
        const checks = [
          ...checkVariables({ ...context.variables, SLABMEND_DATABASE_URL: context.databaseUrl?.reveal() }),
          ...(await checkAllOfDatabase(context, options, concurrency)),
          ...(await checkAws(context.variables, concurrency, context.io.signal)),
        ];
        const failures = checks.filter(({ level }) => level === "failure").length;
        const warnings = checks.filter(({ level }) => level === "warning").length;
        const report = {
          failures,
          warnings,
          checks: checks.map(({ remedy = null, ...check }) => ({ ...check, remedy })),
        };
        context.print(report, render(checks, failures, warnings));
        return failures > 0 ? "findings" : "done";
      }),
    );
}

/** Undefined too when it is malformed, which the check of variables reports. */
function acceptedVersionOf(context: CommandContext): number | undefined {
  const text = context.variables["SLABMEND_ACCEPT_INDEXD_VERSION"] ?? "";
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Names, types and definitions of indexd's tables; no row of them. Works on every indexd. */
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

async function checkAllOfDatabase(
  context: CommandContext,
  options: DoctorOptions,
  concurrency: number,
): Promise<Check[]> {
  const { clock } = context.io;
  try {
    return await withDatabase(context, { needs: "any" }, async (ask, access) => {
      const checks = await checkDatabase(ask, access, {
        concurrency,
        acceptedVersion: acceptedVersionOf(context),
        now: () => clock.now(),
        signal: context.io.signal,
      });
      const ofIndexd = checks.filter(({ code }) => code === "indexd");
      const isUsable = ofIndexd.length > 0 && ofIndexd.every(({ level }) => level !== "failure");
      return [
        ...checks,
        ...(isUsable
          ? [...(await checkNetwork(ask)), ...(await checkHostsOf(context, ask, options))]
          : [skipped("hosts", "no indexd to ask for hosts")]),
      ];
    });
  } catch (error) {
    // A URL that may not be used.
    if (!(error instanceof OperatorError)) throw error;
    return [failure("database", error.message, error.remedy)];
  }
}

/** As indexd's tables show it, not by what can be dialled from here. */
async function checkNetwork(ask: Ask): Promise<Check[]> {
  try {
    const state = await ask(readNetworkState, { isIdempotent: true });
    const problems = findNetworkProblems(state);
    if (problems.length === 0)
      return [
        ok("network", `${state.receivers} of ${state.hosts} hosts can take a sector; indexd scans and pins`),
      ];
    return problems.map(({ code, says, remedy }) =>
      code === "no-host-takes-sectors" ? failure(code, says, remedy) : warning(code, says, remedy),
    );
  } catch (error) {
    const known = error instanceof StoreError ? error : databaseError(error);
    if (known === undefined) throw error;
    return [failure("network", known.message, known.remedy)];
  }
}

async function checkHostsOf(context: CommandContext, ask: Ask, options: DoctorOptions): Promise<Check[]> {
  if (options.hosts === 0) return [skipped("hosts", "--hosts 0")];
  try {
    const settings = context.parse(["SLABMEND_MIN_HOST_DISTANCE_KM", "SLABMEND_ALLOW_PRIVATE_ADDRESSES"]);
    const fleet = await ask(
      (sql) => readNetworkSnapshot(sql, { minHostDistanceKm: settings.SLABMEND_MIN_HOST_DISTANCE_KM }),
      { isIdempotent: true },
    );
    return await checkHosts(fleet, {
      seed: context.variables["SLABMEND_MIGRATION_SEED"]
        ? context.parse(["SLABMEND_MIGRATION_SEED"]).SLABMEND_MIGRATION_SEED.reveal()
        : undefined,
      allowPrivateAddresses: settings.SLABMEND_ALLOW_PRIVATE_ADDRESSES,
      hosts: options.hosts,
      clock: context.io.clock,
      random: Math.random,
      signal: context.io.signal,
    });
  } catch (error) {
    const known = error instanceof StoreError ? error : databaseError(error);
    if (known !== undefined) return [failure("hosts", known.message, known.remedy)];
    // Reported by the check of variables already.
    if (error instanceof Error && error.name === "ConfigurationError") {
      return [skipped("hosts", "a variable is malformed")];
    }
    throw error;
  }
}

function render(checks: readonly Check[], failures: number, warnings: number): string {
  const lines = table(checks.map(({ level, code, says }) => [level, code, says]));
  return [
    ...checks.flatMap(({ remedy }, index) =>
      remedy === undefined ? [lines[index]!] : [lines[index]!, `         → ${remedy}`],
    ),
    "",
    `${failures} failures, ${warnings} warnings`,
  ].join("\n");
}
