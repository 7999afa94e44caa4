/** `slabmend indexers`: lists the indexers of this installation; suspends, resumes and deletes them. */
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
    .description("show, suspend, resume and delete the indexers of this installation")
    .addHelpText(
      "after",
      `
Each file NAME.env in the folder SLABMEND_INDEXERS is an indexer; without the folder there is one. These commands write the wanted
state into the indexer's own database; serve acts on it within seconds and the functions within a minute, on any machine.
docs/indexers.md describes the states.`,
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
    .description("list all indexers; if a database does not answer, its line says why")
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
    .description("show one indexer")
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
    .description(
      "lease no more slabs, and end the indexer's processes when its repairs are finished; resume reverts it",
    )
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
    .description("end a suspension or a pause")
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
