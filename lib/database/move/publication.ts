/** The source's side of the replication: role, publication and slot. */

import { randomBytes } from "node:crypto";
import type { ISql, Sql } from "postgres";
import { Secret } from "../../secret/secret.ts";
import { leaseLost } from "../runs/run-error.ts";
import { scramVerifier } from "../schema/make-fleet-role.ts";
import { MoveError } from "./move-error.ts";
import { MOVE, quoteName } from "./move-names.ts";
import { inQuietTransaction } from "./quiet-transaction.ts";
import { readTimeouts, withoutTimeouts } from "./without-timeouts.ts";

/** A random password in ASCII, which all servers normalize in the same way. */
export const newPassword = (): Secret<string> => new Secret(randomBytes(32).toString("base64url"));

/**
 * Creates the replication role, the publication of all tables, and the slot; from then on the source keeps its
 * write-ahead log for the target. A replication role that already exists gets the new password. Safe to repeat.
 * The creation of the slot waits for all transactions of the server, in any database, that began before it.
 * @throws the error of `slabmend.hold_run`, or `run-lease-lost`, if the lease is lost; then no slot is left
 */
export async function createPublication(
  sql: Sql,
  options: {
    readonly database: string;
    readonly password: Secret<string>;
    readonly run: bigint;
    readonly token: string;
  },
): Promise<void> {
  const { database, password, run, token } = options;
  await inQuietTransaction(sql, async (tx) => {
    // Fails if the lease is lost: otherwise a process that retries after an abort would create everything again.
    await tx`select from slabmend.hold_run(${String(run)}, ${token})`;
    const [role] = await tx`select from pg_roles where rolname = ${MOVE}`;
    if (role === undefined) await tx.unsafe(`create role ${MOVE} login replication bypassrls`);
    await tx.unsafe(`alter role ${MOVE} password '${scramVerifier(password, randomBytes(16))}'`);
    await tx.unsafe(`grant pg_read_all_data to ${MOVE}`);
    // No time limits for this role: otherwise the source would end the copy of a large table again and again.
    for (const name of await readTimeouts(tx)) await tx.unsafe(`alter role ${MOVE} set ${name} to 0`);
    await tx.unsafe(`grant connect on database ${quoteName(database)} to ${MOVE}`);
    const [publication] = await tx`select from pg_publication where pubname = ${MOVE}`;
    if (publication === undefined) await tx.unsafe(`create publication ${MOVE} for all tables`);
  });
  // Outside the transaction: a transaction that has written cannot create a slot.
  const [slot] = await sql`select from pg_replication_slots where slot_name = ${MOVE}`;
  if (slot !== undefined) return;
  await withoutTimeouts(sql, (tx) => tx`select pg_create_logical_replication_slot(${MOVE}, 'pgoutput')`);
  // The move may have been aborted while the server created the slot.
  const [held] = await sql`select from slabmend.runs where id = ${String(run)} and token = ${token}`;
  if (held !== undefined) return;
  await sql`
    select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = ${MOVE} and not active`;
  throw leaseLost(run);
}

export interface SlotState {
  /** The target is connected. */
  readonly isActive: boolean;
  /** PostgreSQL's `wal_status`: reserved, extended, unreserved or lost. */
  readonly walStatus: string;
  /** Log that the source has written and the target has not yet confirmed as flushed. */
  readonly lagBytes: number;
  /** Log that the source keeps for the slot. */
  readonly keptBytes: number;
  /** How much the source may still write before it invalidates the slot; null: no limit is set. */
  readonly safeBytes: number | null;
}

/** Undefined: the slot does not exist. */
export async function readSlot(sql: ISql): Promise<SlotState | undefined> {
  const [row] = await sql<
    { active: boolean; status: string; lag: string | null; kept: string | null; safe: string | null }[]
  >`
    select active, wal_status as status, pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text as lag,
      pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text as kept, safe_wal_size::text as safe
    from pg_replication_slots where slot_name = ${MOVE} and database = current_database()`;
  if (row === undefined) return undefined;
  return {
    isActive: row.active,
    walStatus: row.status,
    lagBytes: Math.max(0, Number(row.lag ?? 0)),
    keptBytes: Math.max(0, Number(row.kept ?? 0)),
    safeBytes: row.safe === null ? null : Math.max(0, Number(row.safe)),
  };
}

/**
 * Writes a message that is never read, and returns a position in the log after this message and all earlier commits.
 */
export async function markEnd(sql: Sql): Promise<string> {
  return await sql.begin(async (tx) => {
    // This also flushes earlier commits that the server acknowledged before writing them to disk.
    await tx`select set_config('synchronous_commit', 'on', true)`;
    const [row] = await tx<{ lsn: string }[]>`
      select pg_logical_emit_message(true, ${MOVE}, 'end')::text as message, pg_current_wal_insert_lsn()::text as lsn`;
    return row!.lsn;
  });
}

/** The target has flushed everything before this position. */
export async function hasPassed(sql: ISql, lsn: string): Promise<boolean> {
  const [row] = await sql<{ passed: boolean }[]>`
    select confirmed_flush_lsn >= ${lsn}::pg_lsn as passed from pg_replication_slots where slot_name = ${MOVE}`;
  return row?.passed === true;
}

/**
 * Ends the target's connections to the source; drops the slots that the target uses, the publication and the
 * replication role. Safe to repeat.
 * @param options.target the system identifier of the target's server: the names of the slots with which the target
 *   copies tables end with it
 * @throws {MoveError} `slot-in-use`
 */
export async function dropPublication(
  sql: Sql,
  { database, target }: { readonly database: string; readonly target: string },
): Promise<void> {
  // If the role could still log in, a target that still runs would connect again, and its slot could not be dropped.
  const [login] = await sql`select from pg_roles where rolname = ${MOVE}`;
  if (login !== undefined) await sql.unsafe(`alter role ${MOVE} nologin`);
  // The process that uses the slot is ended, too. If the command `start` was killed, its server process may still be
  // creating the slot, because the creation waits for older transactions.
  await sql`
    select pg_terminate_backend(p.pid, 5000) from (
      select pid from pg_stat_activity where usename = ${MOVE}
      union select active_pid from pg_replication_slots where slot_name = ${MOVE} and database = current_database() and active
    ) p where p.pid <> pg_backend_pid()`;
  await sql`
    select pg_drop_replication_slot(slot_name) from pg_replication_slots
    where database = current_database() and not active
      and (slot_name = ${MOVE} or slot_name ~ ${`^pg_\\d+_sync_\\d+_${target}$`})`;
  const [left] = await sql<{ pid: number | null }[]>`
    select active_pid as pid from pg_replication_slots where slot_name = ${MOVE} and database = current_database()`;
  if (left !== undefined) throw slotInUse(left.pid);
  await sql.begin(async (tx) => {
    await tx.unsafe(`drop publication if exists ${MOVE}`);
    const [role] = await tx`select from pg_roles where rolname = ${MOVE}`;
    if (role === undefined) return;
    await tx.unsafe(`revoke connect on database ${quoteName(database)} from ${MOVE}`);
    await tx.unsafe(`drop role ${MOVE}`);
  });
}

/**
 * This is an error, because otherwise the move would end while the slot exists, and the source would keep its log for
 * it forever.
 */
function slotInUse(pid: number | null): MoveError {
  return new MoveError({
    code: "slot-in-use",
    message: `the source: expected slot ${MOVE} to be dropped, but a process of the source's server uses it (process ID ${pid ?? "unknown"})`,
    remedy: "End that process if it still runs, and run the command again.",
  });
}
