/**
 * Maintenance runs as rows of slabmend.runs. An operator starts a run and may request its pause or its end; a
 * coordinator executes the run under a lease.
 */
import type { ISql } from "postgres";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";
import { storableText } from "../client/storable-text.ts";
import {
  ATTENDED_KINDS,
  type Run,
  type RunProgress,
  type RunRequest,
  type RunState,
  stateAfter,
  statesBefore,
} from "./run.ts";
import { leaseLost, noRun, RunError, runActive, runAttended } from "./run-error.ts";

const MOST_NAME_CHARACTERS = 200;
/** The errcode raised by lib/database/runs/hold-run.sql. */
const LEASE_LOST = "SM003";

interface Row {
  readonly id: string;
  readonly kind: string;
  readonly scope: unknown;
  readonly state: RunState;
  readonly checkpoint: unknown;
  readonly statistics: unknown;
  readonly error: Run["error"];
  readonly owner: string;
  readonly started_at: Date;
  readonly finished_at: Date | null;
  readonly coordinator: string | null;
  readonly expires_at: Date | null;
}

function runOf(row: Row): Run {
  return {
    id: BigInt(row.id),
    kind: row.kind,
    scope: row.scope,
    state: row.state,
    checkpoint: row.checkpoint,
    statistics: row.statistics,
    error: row.error,
    owner: row.owner,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    coordinator: row.coordinator,
    expiresAt: row.expires_at,
  };
}

/** Columns of slabmend.runs, aliased as r. */
const columns = (
  sql: ISql,
) => sql`r.id, r.kind, r.scope, r.state, r.checkpoint, r.statistics, r.error, r.owner, r.started_at,
  r.finished_at, r.coordinator, r.expires_at`;

/**
 * Starts a run.
 * @param scope JSON in the form that the run's kind expects
 * @throws {RunError} `run-active` while another run is unfinished
 */
export async function startRun(
  sql: ISql,
  { kind, scope, owner }: { readonly kind: string; readonly scope: object; readonly owner: string },
): Promise<Run> {
  const start = () => sql<Row[]>`
    insert into slabmend.runs as r (kind, scope, owner)
    values (${kind}, ${JSON.stringify(scope)}::text::jsonb, ${storableText(owner, MOST_NAME_CHARACTERS)})
    on conflict ((true)) where finished_at is null do nothing
    returning ${columns(sql)}`;
  const [row] = await retryTransaction("start a run", async () => await start(), ONLY_CONFLICTS);
  if (row !== undefined) return runOf(row);
  const active = await readUnfinishedRun(sql);
  if (active === undefined) return await startRun(sql, { kind, scope, owner });
  throw runActive(active, new Date());
}

/** The unfinished run, if there is one. */
export async function readUnfinishedRun(sql: ISql): Promise<Run | undefined> {
  const [row] = await sql<Row[]>`select ${columns(sql)} from slabmend.runs r where r.finished_at is null`;
  return row === undefined ? undefined : runOf(row);
}

/** Undefined: there is no run with this id. */
export async function readRun(sql: ISql, id: bigint): Promise<Run | undefined> {
  const [row] = await sql<Row[]>`select ${columns(sql)} from slabmend.runs r where r.id = ${String(id)}`;
  return row === undefined ? undefined : runOf(row);
}

/** Latest first. */
export async function readRuns(sql: ISql, limit: number): Promise<readonly Run[]> {
  const rows = await sql<
    Row[]
  >`select ${columns(sql)} from slabmend.runs r order by r.id desc limit ${limit}`;
  return rows.map(runOf);
}

/**
 * Requests that a run pause, resume or end, and returns the run.
 * @param id the run must have this id; undefined: the request is for the unfinished run
 * @throws {RunError} `no-run`, `run-state`, `run-attended`
 */
export async function requestOfRun(sql: ISql, request: RunRequest, id?: bigint): Promise<Run> {
  // A request leads to the same state from every state where it is valid.
  const state = stateAfter(statesBefore(request)[0]!, request)!;
  const wanted = id === undefined ? null : String(id);
  const change = () => sql<Row[]>`
    update slabmend.runs r set state = ${state}, moved_at = clock_timestamp()
    where r.finished_at is null and r.state in ${sql([...statesBefore(request)])}
      and r.id = coalesce(${wanted}::bigint, r.id)
      and r.kind not in ${sql([...ATTENDED_KINDS])}
    returning ${columns(sql)}`;
  const [row] = await retryTransaction(`${request} a run`, async () => await change(), ONLY_CONFLICTS);
  if (row !== undefined) return runOf(row);
  const active = await readUnfinishedRun(sql);
  if (active === undefined || (id !== undefined && active.id !== id)) throw noRun(id);
  if (ATTENDED_KINDS.includes(active.kind)) throw runAttended(active);
  throw new RunError({
    code: "run-state",
    message: `maintenance run ${active.id}: expected a state that allows ${request}, got ${active.state}`,
    remedy: "Run slabmend maintenance status to see the run.",
    details: { run: String(active.id), state: active.state },
  });
}

/**
 * Begins to end a run of {@link ATTENDED_KINDS}: the command that attends the run then undoes what the run has done.
 * Does nothing while another process holds the run's lease, or if the run is no longer at the step that the caller saw.
 * @returns whether the run is now ending
 */
export async function cancelAttendedRun(
  sql: ISql,
  { id, checkpoint }: Pick<Run, "id" | "checkpoint">,
): Promise<boolean> {
  const rows = await sql`
    update slabmend.runs r set state = 'cancelling'
    where r.id = ${String(id)} and r.finished_at is null and (r.expires_at is null or r.expires_at < clock_timestamp())
      and r.checkpoint = ${json(checkpoint as object)}::text::jsonb
    returning 1`;
  return rows.length > 0;
}

/** Takes back {@link cancelAttendedRun}, which came too late: what the run does can no longer be undone. */
export async function keepAttendedRun(sql: ISql, { id }: Pick<Run, "id">): Promise<void> {
  await sql`update slabmend.runs set state = 'running' where id = ${String(id)} and state = 'cancelling'`;
}

export interface RunLease {
  readonly run: Run;
  readonly token: string;
}

/**
 * Makes this process the coordinator of the unfinished run, which continues from its last checkpoint. Undefined: there
 * is no unfinished run, the run is paused, another process holds the run's lease, or `options` exclude the run's kind.
 * @param options.onlyKinds take only a run of these kinds, or a run of another kind that is `cancelling`, to end it
 * @param options.kind one of {@link ATTENDED_KINDS}: take only a run of this kind; undefined: take no run of those
 *   kinds
 */
export async function takeRun(
  sql: ISql,
  options: {
    readonly coordinator: string;
    readonly leaseMs: number;
    readonly onlyKinds?: readonly string[] | undefined;
    readonly kind?: string | undefined;
  },
): Promise<RunLease | undefined> {
  const { coordinator, leaseMs, kind } = options;
  const kinds = options.onlyKinds === undefined ? null : JSON.stringify(options.onlyKinds);
  const take = () => sql<(Row & { token: string })[]>`
    update slabmend.runs r
    set coordinator = ${storableText(coordinator, MOST_NAME_CHARACTERS)}, token = gen_random_uuid(),
      expires_at = clock_timestamp() + ${leaseMs} * interval '1 millisecond'
    where r.finished_at is null and r.state <> 'paused' and (r.expires_at is null or r.expires_at < clock_timestamp())
      and (${kinds}::text is null or r.state = 'cancelling' or ${kinds}::text::jsonb ? r.kind)
      and ${kind === undefined ? sql`r.kind not in ${sql([...ATTENDED_KINDS])}` : sql`r.kind = ${kind}`}
    returning ${columns(sql)}, r.token::text`;
  const [row] = await retryTransaction("take a run", async () => await take(), ONLY_CONFLICTS);
  return row === undefined ? undefined : { run: runOf(row), token: row.token };
}

/**
 * Stores a checkpoint and extends the lease, or ends the run and its lease. Returns the run; its state shows a request
 * that an operator has made meanwhile.
 * @throws {RunError} `run-lease-lost`; nothing was written
 */
export async function saveRun(
  sql: ISql,
  { run, token }: RunLease,
  leaseMs: number,
  { checkpoint, statistics, end }: RunProgress,
): Promise<Run> {
  const error = end?.state === "failed" ? JSON.stringify(end.error) : null;
  const save = () => sql<Row[]>`
    update slabmend.runs r
    set moved_at = clock_timestamp(), checkpoint = coalesce(${json(checkpoint)}::text::jsonb, r.checkpoint),
      statistics = coalesce(${json(statistics)}::text::jsonb, r.statistics),
      state = coalesce(${end?.state ?? null}, r.state), error = ${error}::text::jsonb,
      finished_at = case when ${end !== undefined} then clock_timestamp() end,
      coordinator = case when ${end === undefined} then r.coordinator end,
      token = case when ${end === undefined} then r.token end,
      expires_at = case when ${end === undefined} then clock_timestamp() + ${leaseMs} * interval '1 millisecond' end
    from slabmend.hold_run(${String(run.id)}, ${token}) held
    where r.id = held.id
    returning ${columns(sql)}`;
  const rows = await retryTransaction("save a run", async () => await save(), ONLY_CONFLICTS).catch(
    (cause) => {
      throw explainLost(cause, run.id);
    },
  );
  return runOf(rows[0]!);
}

/** Releases the lease, so that another process need not wait for it to expire. Does nothing if the lease was lost. */
export async function releaseRun(sql: ISql, { run, token }: RunLease): Promise<void> {
  await sql`
    update slabmend.runs set coordinator = null, token = null, expires_at = null
    where id = ${String(run.id)} and token = ${token}`;
}

/** Translates the error of a statement that called `slabmend.hold_run`. */
export function explainLost(error: unknown, run: bigint): unknown {
  const isLost = error instanceof Error && "code" in error && error.code === LEASE_LOST;
  return isLost ? leaseLost(run) : error;
}

function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
