/** The output of a run: the live picture, and at the end the table and the page of --report. */
import { writeFile } from "node:fs/promises";
import { DemoError } from "./demo-error.ts";
import type { DemoOptions } from "./demo-options.ts";
import { drawRun } from "./draw-run.ts";
import { describeSettings } from "./fleet-settings.ts";
import type { DamagedSector } from "./inflict-damage.ts";
import type { DamagePlan } from "./plan-damage.ts";
import type { Progress } from "./progress.ts";
import { type DemoFindings, type DemoResult, tableOf } from "./report.ts";
import { type RunSample, renderReport } from "./report-page.ts";
import type { StoredSlab } from "./store-objects.ts";
import type { RepairState, Traffic } from "./watch-repairs.ts";

export interface ShownRun {
  readonly options: Pick<DemoOptions, "seed" | "report">;
  readonly progress: Progress;
  /** Whether the terminal shows colours. */
  readonly colours: boolean;
  readonly plan: Pick<DamagePlan, "fates">;
  /** A sample is added from time to time while the fleet repairs. */
  readonly samples: RunSample[];
}

interface Damaged {
  readonly slabs: readonly StoredSlab[];
  readonly damage: readonly DamagedSector[];
}

/** @throws {DemoError} `no-folder` */
export async function showResult(
  { options, progress, plan, samples }: ShownRun,
  damaged: Damaged & { readonly state: RepairState },
  findings: DemoFindings,
  result: DemoResult,
): Promise<void> {
  const { verdict, failures } = result;
  const table = tableOf(findings, result);
  for (const line of ["", ...table, ""]) progress.line(line);
  if (options.report !== undefined) {
    const settings = describeSettings();
    const { seed } = options;
    const page = renderReport({
      verdict,
      failures,
      seed,
      samples,
      fates: plan.fates,
      table,
      settings,
      ...damaged,
    });
    await writeReport(options.report, page);
    progress.line(`pictures of the run: ${options.report}`);
  }
}

export function drawAndSample(
  { samples, plan, colours }: ShownRun,
  { slabs, damage }: Damaged,
  state: RepairState,
  traffic: Traffic,
  seconds: number,
): string[] {
  const { bytesRead, bytesWritten } = traffic;
  const moves = [...state.moved.values()];
  const copied = moves.filter((how) => how === "copied").length;
  const rebuilt = moves.length - copied;
  samples.push({ seconds, open: state.open.length, copied, rebuilt, bytesRead, bytesWritten });
  return drawRun({ slabs, damage, fates: plan.fates, state, traffic, seconds, colours });
}

/**
 * @throws {DemoError} `no-folder` if the file cannot be written. To find this out early, the demo writes an empty text
 * before it starts anything
 */
export async function writeReport(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((cause: unknown) => {
    throw new DemoError({
      code: "no-folder",
      message: `--report ${path}: expected a file that can be written, got ${cause instanceof Error ? cause.message : cause}`,
      remedy: "Name a file in an existing folder that you may write to.",
      cause,
    });
  });
}
