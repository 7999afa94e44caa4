/** `slabmend indexers`: all indexers of this installation, and what an operator wants of each. */
import type { Command } from "commander";
import { readFleetMode, resumeLeasing, stopLeasing } from "../../../database/fleet/fleet-mode.ts";
import { describeMode } from "../../../reports/mode.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { configuredIndexers, findIndexer } from "../../command/find-indexer.ts";
import { addDelete } from "./delete-indexer.ts";
import { readIndexer } from "./read-indexer.ts";
import { renderIndexer, renderIndexers } from "./render-indexers.ts";
import { change, notNow, operator } from "./steer.ts";

export function addIndexers(host: CommandHost): void {
  const group = host.program
    .command("indexers")
    .description("the indexers of this installation: their states, and what you want of them")
    .addHelpText(
      "after",
      `
They are the files NAME.env in the folder SLABMEND_INDEXERS; without it there is one. What you want is a mark in the indexer's own
database, which serve and the functions heed within seconds or a minute, on any machine. docs/indexers.md has the states.`,
    );
  addList(host, group);
  addShow(host, group);
  addSuspend(host, group);
  addResume(host, group);
  addDelete(host, group);
}

function addList(host: CommandHost, group: Command): void {
  group
    .command("list")
    .description("all of them; one whose database does not answer is listed with the reason")
    .action(
      action<object>(host, async (context) => {
        const indexers = configuredIndexers(context.variables);
        const reports = await Promise.all(indexers.map((indexer) => readIndexer(context, indexer)));
        context.print({ indexers: reports }, renderIndexers(reports));
        return "done";
      }),
    );
}

function addShow(host: CommandHost, group: Command): void {
  group
    .command("show")
    .argument("[name]", "default: the only one")
    .description("one of them")
    .action(
      action<object>(host, async (context, _options, [name]) => {
        const report = await readIndexer(context, findIndexer(context.variables, name));
        context.print({ indexers: [report] }, renderIndexer(report));
        return "done";
      }),
    );
}

function addSuspend(host: CommandHost, group: Command): void {
  group
    .command("suspend")
    .argument("[name]", "default: the only one")
    .option("--reason <text>", "shown by status")
    .description("lease nothing more, and when no repair is left, end its processes; resume ends it")
    .action(
      action<{ reason?: string }>(host, async (context, { reason }, [name]) => {
        const { name: indexer, result } = await change(context, name, async (ask) => {
          const changed = await ask((sql) =>
            stopLeasing(sql, { kind: "suspended", owner: operator(), reason }),
          );
          return { changed, mode: await ask(readFleetMode, { isIdempotent: true }) };
        });
        const { changed, mode } = result;
        if (mode.kind !== "suspended") throw notNow(indexer, "suspended", mode.kind);
        const text = `${indexer} ${changed ? "is suspended; its processes end when no repair is left" : "was suspended already"}`;
        context.print({ changed, reasonChanged: false, mode: describeMode(mode) }, text);
        return "done";
      }),
    );
}

function addResume(host: CommandHost, group: Command): void {
  group
    .command("resume")
    .argument("[name]", "default: the only one")
    .description("lift a suspension or a pause")
    .action(
      action<object>(host, async (context, _options, [name]) => {
        const { name: indexer, result } = await change(context, name, async (ask) => {
          const changed = await ask((sql) => resumeLeasing(sql, "paused", "suspended"));
          return { changed, mode: await ask(readFleetMode, { isIdempotent: true }) };
        });
        const { changed, mode } = result;
        if (mode.kind !== "running") throw notNow(indexer, "running", mode.kind);
        const text = `${indexer} ${changed ? "is resumed" : "was not suspended"}`;
        context.print({ changed, reasonChanged: false, mode: describeMode(mode) }, text);
        return "done";
      }),
    );
}
