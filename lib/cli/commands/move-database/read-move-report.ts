import { hasSchema } from "../../../database/move/load-schema.ts";
import { readSlot } from "../../../database/move/publication.ts";
import { readMoveServer } from "../../../database/move/read-move-server.ts";
import { changedObjects, readObjects } from "../../../database/move/read-objects.ts";
import { readSubscription } from "../../../database/move/subscription.ts";
import { readTime } from "../../../database/reports/read-time.ts";
import { readRuns } from "../../../database/runs/maintenance-runs.ts";
import type { Run } from "../../../database/runs/run.ts";
import { IDEMPOTENT, type MoveDependencies } from "../../../jobs/move-database/move-dependencies.ts";
import type { MoveFinding } from "../../../jobs/move-database/move-finding.ts";
import { type MoveEstimate, moveAlarms } from "../../../jobs/move-database/move-kind.ts";
import {
  MOVE_KIND,
  moveCheckpointOf,
  moveScopeOf,
  moveStatisticsOf,
} from "../../../jobs/move-database/move-run.ts";
import { SCHEMA_VERSION, timeOrNull } from "../../../reports/fields.ts";
import type { MoveReport } from "../../../reports/move-schema.ts";

/** The last move is looked for among this many of the latest maintenance runs. */
const LOOKED_AT = 100;

/**
 * The unfinished move or, if there is none, the last move. Undefined: no move, or the source does not have our schema.
 */
export async function readLastMove({ source }: Pick<MoveDependencies, "source">): Promise<Run | undefined> {
  if (!(await source(hasSchema, IDEMPOTENT))) return undefined;
  const runs = await source((sql) => readRuns(sql, LOOKED_AT), IDEMPOTENT);
  return runs.find(({ kind }) => kind === MOVE_KIND);
}

export async function readMoveReport(
  move: Pick<MoveDependencies, "source" | "target">,
  options: {
    readonly judged?: { readonly findings: readonly MoveFinding[]; readonly estimate: MoveEstimate };
    readonly withReplication?: boolean;
  } = {},
): Promise<MoveReport> {
  const { judged, withReplication = false } = options;
  const at = await move.source(readTime, IDEMPOTENT);
  const run = await readLastMove(move);
  const looked = run !== undefined && withReplication ? await readReplication(move, run, at) : undefined;
  return {
    schemaVersion: SCHEMA_VERSION,
    at: at.toISOString(),
    run: run === undefined ? null : describeRun(run),
    findings:
      judged === undefined
        ? null
        : judged.findings.map((found) => ({ ...found, remedy: found.remedy ?? null })),
    estimate: judged === undefined ? null : { ...judged.estimate },
    replication: looked?.replication ?? null,
    alarms: [...(looked?.alarms ?? [])],
  };
}

function describeRun(run: Run): NonNullable<MoveReport["run"]> {
  return {
    id: String(run.id),
    state: run.state,
    step: moveCheckpointOf(run).step,
    owner: run.owner,
    startedAt: run.startedAt.toISOString(),
    finishedAt: timeOrNull(run.finishedAt),
    coordinator: run.coordinator,
    statistics: { ...moveStatisticsOf(run) },
    error: run.error,
  };
}

async function readReplication(
  { source, target }: Pick<MoveDependencies, "source" | "target">,
  run: Run,
  at: Date,
): Promise<{
  readonly replication: NonNullable<MoveReport["replication"]>;
  readonly alarms: readonly string[];
}> {
  const slot = await source(readSlot, IDEMPOTENT);
  const subscription = await target(readSubscription, IDEMPOTENT);
  const copiedBytes = (await target(readMoveServer, IDEMPOTENT)).bytes;
  const { bytes: totalBytes } = moveScopeOf(run);
  const isCopying = moveCheckpointOf(run).step === "subscribed";
  const share = Math.min(1, copiedBytes / totalBytes);
  const elapsedSeconds = (at.getTime() - run.startedAt.getTime()) / 1_000;
  return {
    replication: {
      walStatus: slot?.walStatus ?? null,
      lagBytes: slot?.lagBytes ?? null,
      keptBytes: slot?.keptBytes ?? null,
      safeBytes: slot?.safeBytes ?? null,
      isApplying: subscription?.isApplying ?? false,
      isEnabled: subscription?.isEnabled ?? false,
      tables: subscription?.tables ?? 0,
      readyTables: subscription?.readyTables ?? 0,
      copiedBytes,
      totalBytes,
      secondsLeft: isCopying && share > 0 ? Math.round((elapsedSeconds * (1 - share)) / share) : null,
    },
    alarms: [...moveAlarms(run, slot, subscription, at), ...(await schemaAlarms({ source }, run))],
  };
}

/** Warns if an upgrade changed the source's schema during the move: `start` and `switch` would then end the move. */
async function schemaAlarms(
  { source }: Pick<MoveDependencies, "source">,
  run: Run,
): Promise<readonly string[]> {
  const { objects, step } = moveCheckpointOf(run);
  if (run.finishedAt !== null || objects === undefined || step === "opened") return [];
  const changed = changedObjects(objects, await source(readObjects, IDEMPOTENT));
  if (changed.length === 0) return [];
  return [
    `the source's schema has changed since the start (${changed.length} objects, for example ${changed[0]}): abort, and start again`,
  ];
}
