import { readSlabReport } from "../../reports/slab.ts";
import type { SlabReport } from "../../reports/slabs-schema.ts";
import { action, type CommandHost } from "../command/command-context.ts";
import { findSlab, noSuchSlab, SLAB_ARGUMENT } from "../command/find-slab.ts";
import { withDatabase } from "../command/open-database.ts";
import { table, wrapped } from "../command/quantities.ts";

export function addSlab(host: CommandHost): void {
  host.program
    .command("slab")
    .description("show a slab shard by shard: hosts, problems, lease, last repair and objects")
    .argument("<slab>", SLAB_ARGUMENT)
    .addHelpText(
      "after",
      "\nReads one snapshot. slabmend plan shows what a repair would move, slabmend history what earlier repairs did.",
    )
    .action(
      action<object>(host, async (context, _options, [slabText = ""]) => {
        const report = await withDatabase(context, { needs: "store" }, (ask) =>
          ask(
            (sql) =>
              sql.begin("isolation level repeatable read read only", async (tx) =>
                readSlabReport(tx, await findSlab(tx, slabText)),
              ),
            { isIdempotent: true },
          ),
        );
        if (report === undefined) throw noSuchSlab(slabText);
        context.print(report, renderSlab(report));
        return "done";
      }),
    );
}

function renderSlab(report: SlabReport): string {
  const { lease, lastRepair, nextAttempt, objects, backlog } = report;
  return [
    `slab ${report.id}, digest ${report.digest}`,
    `${report.minShards} of ${report.totalShards}, margin ${report.margin}: ${report.state}${backlog === null ? "" : `, loss probability ${backlog.lossProbability.toPrecision(2)} within a week`}`,
    `next attempt ${nextAttempt.at}, written by ${nextAttempt.writtenBy}`,
    ...(lease === null
      ? []
      : [
          lease.beganAt === null
            ? `leased at ${lease.leasedAt}, repair not begun, expires at ${lease.expiresAt}`
            : `in repair since ${lease.beganAt} by ${lease.worker}`,
        ]),
    ...(lastRepair === null
      ? []
      : [
          `last repair ended ${lastRepair.endedAt}: ${lastRepair.outcome}${lastRepair.error === null ? "" : `, ${lastRepair.error}`}`,
          ...(lastRepair.quarantinedUntil === null
            ? []
            : [`in quarantine until ${lastRepair.quarantinedUntil}: ${lastRepair.quarantineReason ?? ""}`]),
        ]),
    "",
    ...table([
      ["shard", "state", "host", "why"],
      ...report.shards.map(({ index, state, address, hostKey, why }) => [
        index,
        state,
        address ?? hostKey?.slice(0, 16) ?? "-",
        why.join(", "),
      ]),
    ]),
    "",
    `${objects.count}${objects.more ? "+" : ""} ${objects.count === 1 ? "object" : "objects"}`,
    ...objects.keys.flatMap((key) => wrapped(`  ${key}`, 2)),
  ].join("\n");
}
