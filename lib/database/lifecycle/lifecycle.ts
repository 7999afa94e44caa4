/**
 * The state of this indexer, as a row of its own database, and the lease of the process that may change it. The states
 * are those of lib/lifecycle/state-machine.ts; the state that an operator requested is the fleet's mode.
 */
import type { ISql } from "postgres";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";
import { storableText } from "../client/storable-text.ts";
import { type FleetMode, fleetModeOf } from "../fleet/fleet-mode.ts";
import { readTombstone, type Tombstone } from "../schema/tombstone.ts";

/** States of an indexer whose schema exists: a deleted indexer has only its tombstone. */
export type StoredState = "initializing" | "running" | "stopping" | "stopped" | "repairing" | "deleting";

/** Why the last step failed. */
export interface StoredTrouble {
  /** A stable code. */
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
}

export interface LifecycleRow {
  readonly state: StoredState;
  readonly since: Date;
  /** Failed steps in a row. */
  readonly failures: number;
  readonly trouble: StoredTrouble | null;
  /** The process that drives this indexer; undefined: no process does at present. */
  readonly holder: string | undefined;
  readonly mode: FleetMode;
}

export type SeenLifecycle =
  | { readonly kind: "present"; readonly row: LifecycleRow }
  /** The schema does not exist. */
  | { readonly kind: "absent" }
  | { readonly kind: "deleted"; readonly tombstone: Tombstone };

const MOST_HOLDER_CHARACTERS = 200;
const MOST_MESSAGE_CHARACTERS = 2_000;

interface Row {
  readonly state: StoredState;
  readonly since: Date;
  readonly failures: number;
  readonly trouble: StoredTrouble | null;
  readonly holder: string | null;
  readonly mode: FleetMode["kind"];
  readonly mode_owner: string | null;
  readonly mode_reason: string | null;
  readonly mode_since: Date | null;
}

/** Reads only. A role without access to the schema gets PostgreSQL's own error. */
export async function readLifecycle(sql: ISql): Promise<SeenLifecycle> {
  const [found] = await sql<{ has_store: boolean }[]>`
    select exists (
      select from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'slabmend' and c.relname = 'lifecycle') as has_store`;
  if (!found!.has_store) {
    const tombstone = await readTombstone(sql);
    return tombstone === undefined ? { kind: "absent" } : { kind: "deleted", tombstone };
  }
  const [row] = await sql<Row[]>`
    select l.state, l.since, l.failures, l.trouble,
      case when l.expires_at > clock_timestamp() then l.holder end as holder,
      f.mode, f.mode_owner, f.mode_reason, f.mode_since
    from slabmend.lifecycle l cross join slabmend.fleet f`;
  const { state, since, failures, trouble, holder } = row!;
  return {
    kind: "present",
    row: { state, since, failures, trouble, holder: holder ?? undefined, mode: fleetModeOf(row!) },
  };
}

/**
 * Takes the lease, or extends it with its token. Undefined: another process holds the lease.
 * @param lease.token the token of this process's lease; undefined: this process has no lease
 */
export async function takeLifecycle(
  sql: ISql,
  lease: { readonly holder: string; readonly token: string | undefined; readonly leaseMs: number },
): Promise<string | undefined> {
  const token = lease.token ?? null;
  const holder = storableText(lease.holder, MOST_HOLDER_CHARACTERS);
  const take = () => sql<{ token: string }[]>`
    update slabmend.lifecycle l
    set holder = ${holder}, expires_at = clock_timestamp() + ${lease.leaseMs} * interval '1 millisecond',
      token = case when l.token = ${token}::uuid then l.token else gen_random_uuid() end
    where l.token is null or l.token = ${token}::uuid or l.expires_at <= clock_timestamp()
    returning l.token::text`;
  const [row] = await retryTransaction("take an indexer's lease", async () => await take(), ONLY_CONFLICTS);
  return row?.token;
}

/** Stores the outcome of a step. False: the lease was lost, and nothing was written. */
export async function saveLifecycle(
  sql: ISql,
  token: string,
  step: { readonly state: StoredState; readonly failures: number; readonly trouble: StoredTrouble | null },
): Promise<boolean> {
  const { state, failures } = step;
  const trouble = step.trouble === null ? null : JSON.stringify(storable(step.trouble));
  const save = () => sql`
    update slabmend.lifecycle l
    set state = ${state}, failures = ${failures}::integer, trouble = ${trouble}::text::jsonb,
      since = case when l.state = ${state} then l.since else clock_timestamp() end
    where l.token = ${token}::uuid
    returning 1`;
  const rows = await retryTransaction("save an indexer's state", async () => await save(), ONLY_CONFLICTS);
  return rows.length > 0;
}

/** Releases the lease, so that another process need not wait for it to expire. Does nothing if the lease was lost. */
export async function releaseLifecycle(sql: ISql, token: string): Promise<void> {
  const release = () => sql`
    update slabmend.lifecycle set holder = null, token = null, expires_at = null where token = ${token}::uuid`;
  await retryTransaction("release an indexer's lease", async () => await release(), ONLY_CONFLICTS);
}

function storable({ code, message, remedy }: StoredTrouble): StoredTrouble {
  return {
    code: storableText(code, MOST_HOLDER_CHARACTERS),
    message: storableText(message, MOST_MESSAGE_CHARACTERS),
    remedy: remedy === null ? null : storableText(remedy, MOST_MESSAGE_CHARACTERS),
  };
}
