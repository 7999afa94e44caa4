import { readNetworkSnapshot } from "../../../database/indexd/network-snapshot.ts";
import { readRepairState } from "../../../database/leases/repair-state.ts";
import { readRepairHistory } from "../../../database/reports/read-repair-history.ts";
import { DEFAULT_WORKER_SETTINGS } from "../../../worker/worker-settings.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { findSlab, SLAB_ARGUMENT } from "../../command/find-slab.ts";
import { withDatabase } from "../../command/open-database.ts";
import { planReport } from "./plan-report.ts";
import { renderPlan } from "./render-plan.ts";

export function addPlan(host: CommandHost): void {
  host.program
    .command("plan")
    .description("show which sectors a repair of a slab would move, from where to where, and the cost")
    .argument("<slab>", SLAB_ARGUMENT)
    .addHelpText(
      "after",
      `
Changes nothing: it reads one snapshot in a read-only transaction and dials no host. A repair may differ, because it
draws hosts at random, weighted by their recent performance. Prices are those of indexd's last scan. Reads
SLABMEND_MIN_HOST_DISTANCE_KM as the functions do.`,
    )
    .action(
      action<object>(host, async (context, _options, [slabText = ""]) => {
        const { SLABMEND_MIN_HOST_DISTANCE_KM: minHostDistanceKm } = context.parse([
          "SLABMEND_MIN_HOST_DISTANCE_KM",
        ]);
        const report = await withDatabase(context, { needs: "store" }, (ask) =>
          ask(
            (sql) =>
              sql.begin("isolation level repeatable read read only", async (tx) => {
                const slab = await findSlab(tx, slabText);
                return planReport({
                  slab,
                  network: await readNetworkSnapshot(tx, { minHostDistanceKm }),
                  state: await readRepairState(tx, slab.id),
                  badShards: (await readRepairHistory(tx, slab.id)).badShards,
                  copyPriceMultiple: DEFAULT_WORKER_SETTINGS.copyPriceMultiple,
                  maxUnpinnedPerHost: DEFAULT_WORKER_SETTINGS.maxUnpinnedPerHost,
                  random: Math.random,
                });
              }),
            { isIdempotent: true },
          ),
        );
        context.print(report, renderPlan(report));
        return "done";
      }),
    );
}
