import { hostname, userInfo } from "node:os";
import {
  changePauseReason,
  type FleetMode,
  readFleetMode,
  resumeLeasing,
  stopLeasing,
} from "../../database/fleet/fleet-mode.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { SCHEMA_VERSION } from "../../reports/fields.ts";
import { describeMode, type ModeReport, modeInWords } from "../../reports/mode.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { withDatabase } from "../command/open-database.ts";

export function addPause(host: CommandHost): void {
  host.program
    .command("pause")
    .description("stop leasing slabs until resume; leased slabs are still repaired, and reap continues")
    .option("--reason <text>", "shown by status")
    .addHelpText(
      "after",
      `
Sets a mark in the database that every claim obeys: functions on AWS and workers on any machine, also after the next
deployment. The fleet becomes idle within minutes; slabmend status shows when no lease is left.`,
    )
    .action(
      action<{ reason?: string }>(host, async (context, { reason }) => {
        const owner = `${userInfo().username}@${hostname()}`;
        const result = await withDatabase(context, { needs: "store" }, async (ask) => {
          const changed = await ask((sql) => stopLeasing(sql, { kind: "paused", owner, reason }));
          const reasonChanged =
            !changed && reason !== undefined && (await ask((sql) => changePauseReason(sql, reason)));
          return { changed, reasonChanged, mode: await ask(readFleetMode, { isIdempotent: true }) };
        });
        context.print(describeChange(result), result.changed ? "paused" : describeUnchanged(result));
        return "done";
      }),
    );
  host.program
    .command("resume")
    .description("end a pause or a suspension")
    .action(
      action<object>(host, async (context) => {
        const { changed, mode } = await withDatabase(context, { needs: "store" }, async (ask) => ({
          changed: await ask((sql) => resumeLeasing(sql, "paused", "suspended")),
          mode: await ask(readFleetMode, { isIdempotent: true }),
        }));
        if (mode.kind === "maintenance" || mode.kind === "deleting")
          throw cannotResume(mode.kind, mode.owner);
        context.print(
          describeChange({ changed, reasonChanged: false, mode }),
          changed ? "resumed" : "was not paused",
        );
        return "done";
      }),
    );
}

interface ModeResult {
  readonly changed: boolean;
  readonly reasonChanged: boolean;
  readonly mode: FleetMode;
}

function describeUnchanged({ reasonChanged, mode }: ModeResult): string {
  if (mode.kind === "running") return "not paused: another command resumed the fleet at the same time";
  const what = mode.kind === "paused" ? "was paused already" : `is ${modeInWords(mode.kind)}`;
  const reason = mode.reason === undefined ? "" : `, reason${reasonChanged ? " now" : ""}: ${mode.reason}`;
  return `${what}, since ${mode.since.toISOString()} by ${mode.owner}${reason}`;
}

function describeChange({ changed, reasonChanged, mode }: ModeResult): ModeReport {
  return { schemaVersion: SCHEMA_VERSION, changed, reasonChanged, mode: describeMode(mode) };
}

function cannotResume(kind: "maintenance" | "deleting", owner: string): OperatorError {
  return new OperatorError({
    code: kind === "maintenance" ? "fleet-in-maintenance" : "fleet-being-deleted",
    message: `the fleet's mode: expected paused or suspended, got ${kind}, set by ${owner}`,
    remedy:
      kind === "maintenance"
        ? "Wait for the maintenance run to end, or cancel it; nothing was changed."
        : "An indexer that is being deleted cannot be resumed: slabmend indexers delete completes the deletion, and init --again creates it again.",
  });
}
