import type { Command } from "commander";
import type { Ask } from "../../database/client/deadline-client.ts";
import { releaseQuarantine } from "../../database/fleet/quarantine.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { readQuarantineReport } from "../../reports/standing.ts";
import type { SlabId } from "../../slab/ids.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { findSlab, SLAB_ARGUMENT } from "../command/find-slab.ts";
import { withDatabase } from "../command/open-database.ts";
import { wholeNumber } from "../command/option-values.ts";
import { table } from "../command/quantities.ts";

export function addQuarantine(host: CommandHost): void {
  const group = host.program
    .command("quarantine")
    .description("list slabs whose repairs kept crashing workers, and allow repairs of these slabs again");
  addList(group, host);
  addRelease(group, host);
}

function addList(group: Command, host: CommandHost): void {
  group
    .command("list")
    .description("show the slabs in quarantine, earliest end first")
    .option("--limit <n>", "maximum number", wholeNumber(1, 10_000), 100)
    .action(
      action<{ limit: number }>(host, async (context, { limit }) => {
        const result = await withDatabase(context, { needs: "store" }, (ask) =>
          readQuarantineReport(ask, { limit }),
        );
        context.print(
          result,
          [
            `${result.total} slabs in quarantine`,
            ...(result.total === 0
              ? []
              : table([
                  ["slab", "until", "reason"],
                  ...result.slabs.map(({ slabId, until, reason }) => [slabId, until, reason]),
                ])),
          ].join("\n"),
        );
        return "done";
      }),
    );
}

function addRelease(group: Command, host: CommandHost): void {
  group
    .command("release")
    .description("end the quarantine of slabs and reset their crash counts")
    .argument("[slab...]", SLAB_ARGUMENT)
    .option("--all", "release all slabs")
    .addHelpText(
      "after",
      "\nThe next claim may lease the slabs. Three more crashes in a row put a slab back into quarantine.",
    )
    .action(
      action<{ all?: boolean }>(host, async (context, { all }, names) => {
        if ((all === true) === names.length > 0) {
          throw new OperatorError({
            code: "bad-argument",
            message: `quarantine release: expected slabs or --all, got ${all === true ? "both" : "neither"}`,
            remedy: "Name slabs, or give --all.",
          });
        }
        const result = await withDatabase(context, { needs: "store" }, (ask) =>
          all === true ? releaseAll(ask) : releaseNamed(ask, names),
        );
        context.print(
          result,
          `${result.released.length} released${listed(": ", result.released)}${listed("; not in quarantine: ", result.notQuarantined)}`,
        );
        return "done";
      }),
    );
}

interface Release {
  /** Ids of slabs, in decimal. */
  readonly released: readonly string[];
  readonly notQuarantined: readonly string[];
}

async function releaseAll(ask: Ask): Promise<Release> {
  return { released: await ask((sql) => releaseQuarantine(sql, "all")), notQuarantined: [] };
}

/** @throws {OperatorError} `not-quarantined` if none of them is in quarantine */
async function releaseNamed(ask: Ask, names: readonly string[]): Promise<Release> {
  const ids: SlabId[] = [];
  for (const name of names) ids.push((await ask((sql) => findSlab(sql, name), { isIdempotent: true })).id);
  const released = await ask((sql) => releaseQuarantine(sql, ids));
  const notQuarantined = ids.map(String).filter((id) => !released.includes(id));
  if (released.length > 0) return { released, notQuarantined };
  throw new OperatorError({
    code: "not-quarantined",
    message: `slab ${notQuarantined.join(", ")}: expected it in quarantine, but it is not`,
    remedy: "List the slabs in quarantine: slabmend quarantine list.",
  });
}

const listed = (lead: string, ids: readonly string[]): string =>
  ids.length === 0 ? "" : `${lead}${ids.join(", ")}`;
