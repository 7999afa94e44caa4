import { readLossesReport } from "../../../reports/losses.ts";
import type { LossesReport } from "../../../reports/standing-schema.ts";
import { parseHostKey } from "../../../slab/ids.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { wholeNumber } from "../../command/option-values.ts";
import { table, wrapped } from "../../command/quantities.ts";
import { restoreFromHost } from "./restore-from-host.ts";

interface ListOptions {
  readonly host?: string;
  readonly open?: boolean;
  readonly lost?: boolean;
  readonly limit: number;
  readonly cursor?: string;
}

export function addLosses(host: CommandHost): void {
  const group = host.program
    .command("losses")
    .description(
      "list the sectors that hosts denied and the earlier locations of lost sectors; restore a location",
    );
  group
    .command("list")
    .description("show denials and earlier locations, the latest denial first")
    .option("--host <key>", "only those of this host")
    .option("--open", "only sectors that are still recorded on the host that denied them")
    .option("--lost", "only sectors that were recorded as lost on that host, or have moved away since")
    .option("--limit <n>", "maximum number", wholeNumber(1, 10_000), 100)
    .option("--cursor <text>", "continue after the list that ended with this cursor")
    .action(
      action<ListOptions>(host, async (context, { host: hostText, open, lost, limit, cursor }) => {
        const report = await withDatabase(context, { needs: "store" }, (ask) =>
          readLossesReport(ask, {
            host: hostText === undefined ? undefined : parseHostKey(hostText.toLowerCase()),
            state: open === lost ? undefined : open === true ? "open" : "lost",
            limit,
            cursor,
          }),
        );
        context.print(report, renderLosses(report));
        return "done";
      }),
    );
  group
    .command("restore")
    .description("record a sector on a host again, after the host has served all of it")
    .argument("<sector>", "sectors.id in decimal, or the sector's root of 64 hex digits")
    .argument("<host>", "the host's public key of 64 hex digits")
    .addHelpText(
      "after",
      `
Reads the whole sector from the host, at the price of a read, checks its root, and writes what indexd writes when
it pins a sector again; indexd then appends it to a contract. If the sector is still recorded there, only the
denial is removed. The host's lost_sectors does not change. Needs SLABMEND_MIGRATION_SEED.`,
    )
    .action(
      action<object>(host, async (context, _options, [sector = "", hostText = ""]) => {
        const { clock, signal } = host.io;
        const hostKey = parseHostKey(hostText.toLowerCase());
        const variables = context.parse([
          "SLABMEND_MIGRATION_SEED",
          "SLABMEND_ALLOW_PRIVATE_ADDRESSES",
          "SLABMEND_ACCEPT_INDEXD_VERSION",
        ]);
        const report = await withDatabase(context, { needs: "fleet" }, (ask) =>
          restoreFromHost(ask, {
            sector: sector.toLowerCase(),
            hostKey,
            seed: variables.SLABMEND_MIGRATION_SEED.reveal(),
            allowPrivateAddresses: variables.SLABMEND_ALLOW_PRIVATE_ADDRESSES,
            acceptedVersion: variables.SLABMEND_ACCEPT_INDEXD_VERSION,
            clock,
            signal,
          }),
        );
        const what = report.result === "restored" ? "is recorded there again" : "is no longer denied";
        context.print(report, `sector ${report.root} of host ${report.host} ${what}`);
        return "done";
      }),
    );
}

function renderLosses({ total, losses, next }: LossesReport): string {
  if (losses.length === 0) return `${total} denials and earlier locations`;
  return [
    `${total} denials and earlier locations`,
    ...table([
      ["last denied", "sector", "host", "said", "times", "state", "slabs"],
      ...losses.map((loss) => [
        loss.lastDeniedAt.replace(/\.\d+/, ""),
        loss.sectorId,
        loss.host?.slice(0, 12) ?? "gone",
        loss.code,
        loss.denials,
        loss.isBadForGood ? "open, bad for good" : loss.state,
        loss.slabs.join(" "),
      ]),
    ]),
    ...(next === null ? [] : wrapped(`earlier ones: --cursor ${next}`, 2)),
  ].join("\n");
}
