import type { Ask } from "../database/client/deadline-client.ts";
import { readTime } from "../database/reports/read-time.ts";
import { readRun, readRuns } from "../database/runs/maintenance-runs.ts";
import type { Run } from "../database/runs/run.ts";
import { readAffected } from "../database/verify/read-affected.ts";
import { drainKind } from "../jobs/drain/drain-kind.ts";
import { drainScopeOf } from "../jobs/drain/drain-run.ts";
import { RUN_LEASE_MS } from "../jobs/maintenance/advance-run.ts";
import type { Estimate, RunKind } from "../jobs/maintenance/maintenance-job.ts";
import { moveKind } from "../jobs/move-database/move-kind.ts";
import { restoreKind } from "../jobs/restore/restore-kind.ts";
import { verifyKind } from "../jobs/verify/verify-kind.ts";
import { scopeOf } from "../jobs/verify/verify-run.ts";
import { SCHEMA_VERSION, timeOrNull } from "./fields.ts";
import type { MaintenanceReport, RunReport } from "./maintenance-schema.ts";

const KINDS: readonly RunKind[] = [verifyKind, drainKind, moveKind, restoreKind];
const MOST_AFFECTED = 1_000;

/** Undefined if this release does not know the kind: another release started the run. */
export const kindOf = (run: Pick<Run, "kind">): RunKind | undefined =>
  KINDS.find(({ kind }) => kind === run.kind);

/** @param id the run's id; undefined: the latest run */
export async function readMaintenanceReport(
  ask: Ask,
  options: { readonly id?: bigint; readonly earlier?: number; readonly estimate?: Estimate },
): Promise<MaintenanceReport> {
  const { id, earlier = 0, estimate } = options;
  const read = await ask(
    async (sql) => ({
      at: await readTime(sql),
      one: id === undefined ? undefined : await readRun(sql, id),
      latest:
        estimate === undefined && (id === undefined || earlier > 0) ? await readRuns(sql, earlier + 1) : [],
    }),
    { isIdempotent: true },
  );
  const run = id === undefined ? read.latest[0] : read.one;
  const affected = run === undefined ? null : await affectedBy(ask, run);
  return {
    schemaVersion: SCHEMA_VERSION,
    at: read.at.toISOString(),
    run: run === undefined ? null : describeRun(run),
    affected,
    estimate: estimate === undefined ? null : { lines: [...estimate.lines], values: { ...estimate.values } },
    earlier: read.latest.filter((other) => other.id !== run?.id).map(describeRun),
  };
}

async function affectedBy(ask: Ask, run: Run): Promise<MaintenanceReport["affected"]> {
  if (run.kind !== verifyKind.kind) return null;
  const scope = scopeOf(run);
  const request = {
    hostKey: scope.of === "host" ? scope.host : null,
    slabId: scope.of === "slab" ? scope.slab : null,
    objectIds: scope.of === "object" ? scope.ids : null,
    since: run.startedAt,
    limit: MOST_AFFECTED,
  };
  const { sectors, slabs, objects } = await ask((sql) => readAffected(sql, request), { isIdempotent: true });
  return { sectors, slabs: [...slabs], objects: [...objects] };
}

/** Describes a run of any kind by the same fields. */
export function describeRun(run: Run): RunReport {
  const kind = kindOf(run);
  const scope = kind === verifyKind ? scopeOf(run) : undefined;
  const drained = kind === drainKind ? drainScopeOf(run).hosts : [];
  const sample = scope?.of === "host" ? scope.sample : null;
  return {
    id: String(run.id),
    kind: run.kind,
    host: scope?.of === "host" ? scope.host : drained.length === 1 ? drained[0]! : null,
    hosts: scope?.of === "host" ? [scope.host] : [...drained],
    slabId: scope?.of === "slab" ? scope.slab : null,
    object: scope?.of === "object" ? scope.object : null,
    sample:
      sample === null
        ? null
        : {
            missingShare: sample.missingShare,
            confidence: sample.confidence,
            draws: sample.draws,
          },
    state: run.state,
    owner: run.owner,
    startedAt: run.startedAt.toISOString(),
    finishedAt: timeOrNull(run.finishedAt),
    coordinator: run.coordinator,
    coordinatorSeenAt:
      run.expiresAt === null ? null : new Date(run.expiresAt.getTime() - RUN_LEASE_MS).toISOString(),
    progress: kind?.progress(run) ?? null,
    statistics: run.statistics as Record<string, unknown>,
    hasFindings: kind?.hasFindings(run) ?? false,
    says: [...(kind?.describe(run) ?? [`${run.kind}: started by another release`])],
    error: run.error,
  };
}
