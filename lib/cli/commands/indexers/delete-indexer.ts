import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { sleep } from "../../../clock/sleep.ts";
import { ConfigurationError } from "../../../config/configuration-error.ts";
import type { ConfiguredIndexer } from "../../../config/indexer-files.ts";
import { databaseOf } from "../../../config/served-indexers.ts";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { readFleetMode, stopLeasing } from "../../../database/fleet/fleet-mode.ts";
import { readLifecycle } from "../../../database/lifecycle/lifecycle.ts";
import { describeSchema } from "../../../database/schema/describe-schema.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { ControlLoop } from "../../../lifecycle/control-loop.ts";
import { assertMayRemove, createEnsures, type Removed } from "../../../lifecycle/ensures.ts";
import { createLifecycleStore } from "../../../lifecycle/lifecycle-store.ts";
import { action, type CommandContext, type CommandHost } from "../../command/command-context.ts";
import { configuredIndexers, findIndexer } from "../../command/find-indexer.ts";
import { contextOf } from "../../command/indexer-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { notNow, operator } from "./steer.ts";

interface DeleteOptions {
  readonly reason?: string;
  readonly confirm?: string;
}

const STEP_MS = 1_000;

export function addDelete(host: CommandHost, group: Command): void {
  group
    .command("delete")
    .argument("<name>", "name of the indexer")
    .option("--reason <text>", "kept with the tombstone")
    .option("--confirm <name>", "the name again; without it the command asks")
    .description("end an indexer's repairs and remove slabmend's schema from its database; a tombstone stays")
    .addHelpText(
      "after",
      `
Run it with the database URL of the schema's owner (as for init). indexd's tables are not changed. It waits for running repairs; after
Ctrl+C a serve process or the next run of this command does the rest. Then remove NAME.env, and on AWS deploy again. To create the
indexer again: slabmend init --again. To remove the tombstone too: slabmend uninstall.`,
    )
    .action(
      action<DeleteOptions>(host, async (context, options, [name]) => {
        const indexer = findIndexer(context.variables, name);
        const own = contextOf(context, indexer);
        assertOwnDatabase(indexer.name, own.databaseUrl?.reveal(), configuredIndexers(context.variables));
        const removed = await withDatabase(own, { needs: "any" }, (ask) =>
          deleteIndexer(own, ask, { ...options, name: indexer.name }),
        );
        const { slabsFreed, roles } = removed ?? { slabsFreed: null, roles: [] };
        context.print(
          { deleted: true, indexer: indexer.name, slabsFreed, roles },
          [
            `${indexer.name} is deleted`,
            "remove its file from SLABMEND_INDEXERS, and on AWS deploy again",
            ...roles.map(
              (role) =>
                `role ${role} has no privileges on this database any more; if nothing else uses it: drop role ${role}`,
            ),
          ].join("\n"),
        );
        return "done";
      }),
    );
}

/**
 * A copied file or a wrong --database-url must not remove the schema of another indexer.
 * @throws {ConfigurationError}
 */
function assertOwnDatabase(
  name: string,
  url: string | undefined,
  indexers: readonly ConfiguredIndexer[],
): void {
  const database = databaseOf(url);
  const other = indexers.find(
    (one) => one.name !== name && databaseOf(one.environment["SLABMEND_DATABASE_URL"]) === database,
  );
  if (database === undefined || other === undefined) return;
  throw new ConfigurationError([
    {
      name: `the database URL of ${name}`,
      expected: "its own database",
      got: `the database of ${other.name}; nothing was changed`,
    },
  ]);
}

/** Undefined if another process has removed the indexer's row. */
async function deleteIndexer(
  context: CommandContext,
  ask: Ask,
  { name, reason, confirm }: DeleteOptions & { readonly name: string },
): Promise<Removed | undefined> {
  const seen = await ask(readLifecycle, { isIdempotent: true });
  if (seen.kind === "deleted") return undefined;
  if (seen.kind === "absent") throw nothingToRemove();
  assertMayRemove(await ask(describeSchema, { isIdempotent: true }), name);
  if (seen.row.mode.kind !== "deleting") {
    await confirmName(context, name, confirm);
    await ask((sql) => stopLeasing(sql, { kind: "deleting", owner: operator(), reason }));
    const mode = await ask(readFleetMode, { isIdempotent: true });
    if (mode.kind !== "deleting") throw notNow(name, "deleting", mode.kind);
  }
  return await untilDeleted(context, ask, name);
}

async function untilDeleted(context: CommandContext, ask: Ask, name: string): Promise<Removed | undefined> {
  const { clock, signal } = context.io;
  const { SLABMEND_ACCEPT_INDEXD_VERSION: acceptedVersion } = context.parse([
    "SLABMEND_ACCEPT_INDEXD_VERSION",
  ]);
  let removed: Removed | undefined;
  const loop = new ControlLoop({
    now: () => clock.now(),
    store: createLifecycleStore(ask, "indexers delete"),
    ensures: createEnsures({
      ask,
      indexer: name,
      acceptedVersion,
      clock,
      makes: false,
      onRemoved: (what) => {
        removed = what;
      },
    }),
  });
  let told = "";
  try {
    for (;;) {
      const { state, holder, trouble, isMoving } = await loop.step();
      if (state === "deleted") return removed;
      const by = holder === undefined || holder === "here" ? "" : `, driven by ${holder}`;
      const says = trouble === null ? `${state}${by}: waiting for running repairs` : trouble.message;
      if (says !== told) context.note(says);
      told = says;
      await sleep(clock, isMoving ? 0 : STEP_MS, signal);
    }
  } finally {
    await loop.leave();
  }
}

/** @throws {OperatorError} `not-confirmed` */
async function confirmName(context: CommandContext, name: string, given: string | undefined): Promise<void> {
  const { stdin, stderr, signal } = context.io;
  let answer = given;
  if (answer === undefined && stdin.isTTY === true && !context.json) {
    context.note(
      `This ends the repairs of ${name} and removes the schema slabmend with everything in it, including journal, denials and earlier locations. It cannot be undone.`,
    );
    const lines = createInterface({ input: stdin, output: stderr });
    try {
      answer = (await lines.question("Type the name of the indexer to delete it: ", { signal })).trim();
    } finally {
      lines.close();
    }
  }
  if (answer === name) return;
  throw new OperatorError({
    code: "not-confirmed",
    message: `confirmation: expected ${name}, got ${answer === undefined ? "nothing" : JSON.stringify(answer.slice(0, 40))}; nothing was changed`,
    remedy: `Read what the command does (--help), then run it with --confirm ${name}.`,
  });
}

function nothingToRemove(): OperatorError {
  return new OperatorError({
    code: "nothing-to-remove",
    message: "database: expected a schema slabmend to remove, got none",
    remedy: "Check the database URL: that database contains nothing of this indexer.",
  });
}
