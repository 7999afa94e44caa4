import { hostname, userInfo } from "node:os";
import { type Command, InvalidArgumentError, Option } from "commander";
import { startRun } from "../../../database/runs/maintenance-runs.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { drainKind } from "../../../jobs/drain/drain-kind.ts";
import { verifyKind } from "../../../jobs/verify/verify-kind.ts";
import { readMaintenanceReport } from "../../../reports/maintenance.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { SLAB_ARGUMENT } from "../../command/find-slab.ts";
import { withDatabase } from "../../command/open-database.ts";
import { resolveRunScope } from "../../command/run-scope.ts";
import type { ScopeOptions } from "../../command/verify-scope.ts";
import { coordinateRun } from "./coordinate-run.ts";
import { renderMaintenance } from "./render-maintenance.ts";
import { addSteering } from "./steering.ts";

interface StartOptions extends Omit<ScopeOptions, "host"> {
  readonly host: readonly string[];
  readonly dryRun?: boolean;
  readonly detach?: boolean;
}

function percent(text: string): number {
  const value = /^\d{1,3}(\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0 && value < 100) return value;
  throw new InvalidArgumentError("Expected a percentage between 0 and 100, such as 0.1.");
}

export function addMaintenance(host: CommandHost): void {
  const group = host.program
    .command("maintenance")
    .description("start, watch and end maintenance runs; only an operator starts them, one at a time");
  addStart(group, host);
  addSteering(group, host);
}

function addStart(group: Command, host: CommandHost): void {
  group
    .command("start")
    .description(
      "start a run and execute it here until it ends; after Ctrl+C another process can continue it",
    )
    .argument(
      "<kind>",
      "verify: ask hosts to prove that they have their sectors; drain: copy all sectors off hosts",
    )
    .addOption(
      new Option(
        "--host <key>",
        "all sectors of the host with this public key; with drain, the option may be repeated",
      )
        .argParser((key: string, before: readonly string[]) => [...before, key])
        .default([], "none"),
    )
    .option("--slab <slab>", `verify: the sectors of this slab: ${SLAB_ARGUMENT}`)
    .option("--object <key>", "verify: the sectors of this object's slabs, by its key of 64 hex digits")
    .option("--sample", "verify: a random sample of the host's sectors")
    .option(
      "--missing <percent>",
      "with --sample: the smallest share of missing sectors that the sample must detect",
      percent,
      0.1,
    )
    .option(
      "--confidence <percent>",
      "with --sample: the probability of detecting that share of missing sectors",
      percent,
      99,
    )
    .option("--dry-run", "only print the estimated cost")
    .option("--detach", "do not execute the run here, but let serve or work --from-database do it")
    .addHelpText(
      "after",
      `
A verification reads 64 random bytes of each sector with their proof, as indexd's own check does, and records the result
as indexd does; a sector that its host denies is not yet lost, but its slab is repaired. It proves that leaf, not the sector.

A drain makes the fleet copy the hosts' sectors to other hosts, after more urgent repairs, and tells you when to block the hosts
in indexd. slabmend stores nothing more on them; indexd and users still may.

A verification needs SLABMEND_MIGRATION_SEED, except with --detach or --dry-run. After Ctrl+C or a crash, any serve,
work --from-database or slabmend maintenance watch --coordinate continues the run where it stopped. The functions on AWS
continue a drain, but no verification: reap has no seed to read hosts with. See docs/maintenance.md.`,
    )
    .action(
      action<StartOptions>(host, async (context, options, [kind = ""]) => {
        // Only these two kinds are started by `maintenance start`; restores and moves have their own commands.
        const named = [verifyKind, drainKind].find((one) => one.kind === kind);
        if (named === undefined) throw unknownKind(kind);
        return await withDatabase(context, { needs: "fleet" }, async (ask, access) => {
          const { host: hosts, ...others } = options;
          const scope = await resolveRunScope(ask, kind, { ...others, hosts });
          if (options.dryRun === true) {
            const estimate = await named.estimate(ask, scope);
            const report = await readMaintenanceReport(ask, { estimate });
            context.print(report, estimate.lines.join("\n"));
            return "done";
          }
          // Checked before the run is created: a command without a seed must not leave a run behind.
          if (named.readsHosts && options.detach !== true) context.parse(["SLABMEND_MIGRATION_SEED"]);
          access.ignoreSignals();
          const owner = `${userInfo().username}@${hostname()}`;
          const run = await ask((sql) => startRun(sql, { kind, scope, owner }));
          if (options.detach !== true) return await coordinateRun(context, ask, run);
          const report = await readMaintenanceReport(ask, { id: run.id });
          context.print(report, renderMaintenance(report));
          return "done";
        });
      }),
    );
}

function unknownKind(kind: string): OperatorError {
  return new OperatorError({
    code: "bad-argument",
    message: `maintenance start: expected verify or drain, got ${JSON.stringify(kind.slice(0, 80))}`,
    remedy: "slabmend maintenance start --help lists the kinds.",
  });
}
