import { readStatusReport } from "../../../reports/status.ts";
import type { CommandContext } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { renderChecks } from "../doctor/render-checks.ts";
import { runChecks } from "../doctor/run-checks.ts";
import { renderStatus } from "../status/render-status.ts";
import { attempt } from "./attempt.ts";
import { type Setup, SKIP } from "./setup.ts";

/** Number of good hosts to dial: the default of `slabmend doctor`. */
const HOSTS = 20;

/** Runs `doctor` and `status` with the new settings. */
export async function lookStep(setup: Setup, worker: CommandContext): Promise<void> {
  const { questions } = setup;
  const answer = await questions.choose("5 of 5, a first look: doctor's checks and the status", [
    { value: "look", label: "Look" },
    SKIP,
  ]);
  if (answer === "skip") return;
  await attempt(setup, async () => {
    const { SLABMEND_REPAIR_CONCURRENCY: concurrency } = worker.parse(["SLABMEND_REPAIR_CONCURRENCY"]);
    questions.show(renderChecks(await runChecks(worker, { concurrency, hosts: HOSTS })));
  });
  await attempt(setup, async () => {
    const report = await withDatabase(worker, { needs: "store" }, readStatusReport);
    questions.show(renderStatus(report));
  });
}
