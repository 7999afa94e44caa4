import { pauseClaims, readPause, resumeClaims } from "../../database/fleet/fleet-mode.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { withDatabase } from "../command/open-database.ts";

export function addPause(host: CommandHost): void {
  host.program
    .command("pause")
    .description("lease nothing more until resume; what is leased is repaired, reap goes on")
    .option("--reason <text>", "shown by status")
    .addHelpText(
      "after",
      `
A mark in the database that every claim heeds: functions on AWS and workers on any machine, also after the next
deployment. The fleet comes to rest within minutes; slabmend status shows when no lease is left.`,
    )
    .action(
      action<{ reason?: string }>(host, async (context, { reason }) => {
        const { changed, pause } = await withDatabase(context, { needs: "store" }, async (sql) => ({
          changed: await pauseClaims(sql, reason),
          pause: await readPause(sql),
        }));
        context.print(
          { changed, paused: true, since: pause?.since, reason: pause?.reason },
          changed ? "paused" : `was paused already, since ${pause?.since.toISOString()}`,
        );
        return "done";
      }),
    );
  host.program
    .command("resume")
    .description("lift a pause")
    .action(
      action<object>(host, async (context) => {
        const changed = await withDatabase(context, { needs: "store" }, (sql) => resumeClaims(sql));
        context.print({ changed, paused: false }, changed ? "resumed" : "was not paused");
        return "done";
      }),
    );
}
