/** What the steps of a restore need, and the result of one page. */
import type { ArchiveStorage } from "../../archive/archive-storage.ts";
import type { VerifyOptions } from "../../database/indexd/version/write-verified.ts";
import { placeSectors, type RestoreWriter } from "../../database/restore/restore-writes.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { SlabId } from "../../slab/ids.ts";
import type { RunContext } from "../maintenance/maintenance-job.ts";
import type { PlacementPlan } from "./decide-placements.ts";
import { counted, type RestoreCheckpoint, type RestoreStatistics } from "./restore-run.ts";

export interface RestoreDependencies {
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly random: () => number;
  readonly verify: VerifyOptions;
  /** The archive with which the run was started; undefined: no archive is configured in this process. */
  readonly archive: ArchiveStorage | undefined;
  /** For kill tests: called after each write. */
  readonly step?: (name: string) => void | Promise<void>;
}

/** Result of one page of a step. */
export interface Page {
  /** Undefined: the step is done. */
  readonly at?: Partial<RestoreCheckpoint>;
  readonly statistics: RestoreStatistics;
}

export const writerOf = ({ verify }: RestoreDependencies, { run, token }: RunContext): RestoreWriter => ({
  run: run.id,
  token,
  verify,
});

/** Records a slab's plan in one transaction. @returns the statistics with the plan's results added */
export async function recordPlan(
  deps: RestoreDependencies,
  context: RunContext,
  { slabId, plan }: { readonly slabId: SlabId; readonly plan: PlacementPlan },
  statistics: RestoreStatistics,
): Promise<RestoreStatistics> {
  const looked = {
    ...statistics,
    alreadyRight: statistics.alreadyRight + plan.alreadyRight,
    unanswered: plan.unanswered.reduce((counts, code) => counted(counts, code), statistics.unanswered),
  };
  if (plan.found.length + plan.absent.length + plan.lost.length + plan.earlier.length === 0) return looked;
  const writer = writerOf(deps, context);
  const written = await context.ask((sql) => placeSectors(sql, writer, slabId, plan), { isIdempotent: true });
  await deps.step?.("slab-placed");
  return {
    ...looked,
    placed: looked.placed + written.placed,
    lost: looked.lost + written.lost,
    denied: looked.denied + written.denied,
    refused: written.refused.reduce((counts, { why }) => counted(counts, why), looked.refused),
  };
}
