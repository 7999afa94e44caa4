/** All checks of `doctor`. The checks change nothing and pay no host. */
import type { Ask } from "../../../database/client/deadline-client.ts";
import { StoreError } from "../../../database/client/store-error.ts";
import { readNetworkSnapshot } from "../../../database/indexd/network-snapshot.ts";
import { findNetworkProblems, readNetworkState } from "../../../database/indexd/network-state.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import type { CommandContext } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { databaseError } from "../../command/report-failure.ts";
import { type Check, failure, ok, skipped, warning } from "./check.ts";
import { checkAws } from "./check-aws.ts";
import { checkDatabase } from "./check-database.ts";
import { checkDueChecks } from "./check-due-checks.ts";
import { checkHosts } from "./check-hosts.ts";
import { checkVariables } from "./check-variables.ts";

interface CheckOptions {
  /** Planned number of simultaneous repairs. */
  readonly concurrency: number;
  /** Good hosts to dial, drawn at random. */
  readonly hosts: number;
}

/** Makes all checks. A check that cannot be made counts as a failure; the function throws only after a signal. */
export async function runChecks(context: CommandContext, options: CheckOptions): Promise<readonly Check[]> {
  return [
    ...checkVariables({ ...context.variables, SLABMEND_DATABASE_URL: context.databaseUrl?.reveal() }),
    ...(await checkAllOfDatabase(context, options)),
    ...(await checkAws(context.variables, options.concurrency, context.io.signal)),
  ];
}

/** Undefined if the variable is missing or malformed; a malformed variable is reported by the check of variables. */
export function acceptedVersionOf(context: CommandContext): number | undefined {
  const text = context.variables["SLABMEND_ACCEPT_INDEXD_VERSION"] ?? "";
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
}

async function checkAllOfDatabase(context: CommandContext, options: CheckOptions): Promise<Check[]> {
  const { clock } = context.io;
  try {
    return await withDatabase(context, { needs: "any" }, async (ask, access) => {
      const checks = await checkDatabase(ask, access, {
        concurrency: options.concurrency,
        acceptedVersion: acceptedVersionOf(context),
        now: () => clock.now(),
        signal: context.io.signal,
      });
      // The next checks read both schemas, so they run only if both are usable; the schemas' own checks report why one
      // is not.
      const schemas = checks.filter(({ code }) => code === "indexd" || code === "schema");
      const isUsable =
        schemas.some(({ code }) => code === "indexd") && schemas.every(({ level }) => level !== "failure");
      return [
        ...checks,
        ...(isUsable
          ? [
              ...(await checkNetwork(ask)),
              ...(await checkDueChecks(ask, context.variables)),
              ...(await checkHostsOf(context, ask, options)),
            ]
          : [skipped("hosts", "needs the schemas of indexd and slabmend: see the checks above")]),
      ];
    });
  } catch (error) {
    // An OperatorError is no bug: the URL is malformed or may not be used.
    if (!(error instanceof OperatorError)) throw error;
    return [failure("database", error.message, error.remedy)];
  }
}

/** Checks the network by indexd's tables, without dialling hosts. */
async function checkNetwork(ask: Ask): Promise<Check[]> {
  try {
    const state = await ask(readNetworkState, { isIdempotent: true });
    const problems = findNetworkProblems(state);
    if (problems.length === 0)
      return [
        ok(
          "network",
          `${state.receivers} of ${state.hosts} hosts can take a sector; indexd scans hosts and pins sectors`,
        ),
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

async function checkHostsOf(context: CommandContext, ask: Ask, options: CheckOptions): Promise<Check[]> {
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
    // The check of variables has already reported the malformed variable.
    if (error instanceof Error && error.name === "ConfigurationError") {
      return [skipped("hosts", "a variable is malformed")];
    }
    throw error;
  }
}
