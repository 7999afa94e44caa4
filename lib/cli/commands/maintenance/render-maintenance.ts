import type { Run } from "../../../database/runs/run.ts";
import { kindOf } from "../../../reports/maintenance.ts";
import type { MaintenanceReport, RunReport } from "../../../reports/maintenance-schema.ts";
import { table, wrapped } from "../../command/quantities.ts";

/** At most this many affected slabs, and as many objects, are listed by name; further ones are only counted. */
const NAMED = 20;

export function renderMaintenance({ run, affected, earlier }: MaintenanceReport): string {
  if (run === null) return "no maintenance run yet";
  return [
    ...renderRun(run),
    ...(affected === null || affected.sectors === 0
      ? []
      : [
          `affected: ${affected.sectors} sectors`,
          ...wrapped(`slabs: ${listed(affected.slabs)}`, 2),
          ...wrapped(`objects: ${listed(affected.objects)}`, 2),
        ]),
    ...(earlier.length === 0
      ? []
      : [
          "earlier runs:",
          ...table(
            earlier.map(({ id, kind, state, startedAt, owner }) => [id, kind, state, startedAt, owner]),
          ),
        ]),
  ].join("\n");
}

function renderRun({
  id,
  kind,
  state,
  owner,
  startedAt,
  coordinator,
  progress,
  says,
  error,
}: RunReport): string[] {
  const isUnfinished = state === "running" || state === "paused" || state === "cancelling";
  return [
    `run ${id}: ${kind}, ${state}, started ${startedAt.replace(/\.\d+/, "")} by ${owner}`,
    ...(isUnfinished ? [`executed by ${coordinator ?? "no process at the moment"}`] : []),
    ...(progress === null ? [] : [`${progress.done} of ${progress.total} ${progress.unit}`]),
    ...(error === null ? [] : wrapped(`${error.code}: ${error.message} ${error.remedy}`, 2)),
    ...says.flatMap((line) => wrapped(line, 2)),
  ];
}

const listed = (names: readonly string[]): string =>
  names.length <= NAMED
    ? names.join(" ")
    : `${names.slice(0, NAMED).join(" ")} and ${names.length - NAMED} more (--json has up to 1,000)`;

/** One line of progress. */
export function progressLine(run: Run): string {
  const progress = kindOf(run)?.progress(run) ?? null;
  if (progress === null) return `${run.kind}: ${run.state}`;
  const { done, total, unit } = progress;
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
  return `${run.kind}: ${done} of ${total} ${unit} (${percent} %), ${run.state}`;
}
