/** The source's side of the replication: role, publication and slot. */

import { randomBytes } from "node:crypto";
import type { ISql, Sql } from "postgres";
import { Secret } from "../../secret/secret.ts";
import { scramVerifier } from "../schema/make-fleet-role.ts";
import { MOVE, quoteName } from "./move-names.ts";
import { inQuietTransaction } from "./quiet-transaction.ts";

/** ASCII, so that all servers normalize it in the same way. */
export const newPassword = (): Secret<string> => new Secret(randomBytes(32).toString("base64url"));

/**
 * Creates the replication role, the publication of all tables, and the slot; from then on the source keeps its
 * write-ahead log for the target. A replication role that already exists gets the new password. Safe to repeat.
 */
export async function createPublication(
  sql: Sql,
  options: { readonly database: string; readonly password: Secret<string> },
): Promise<void> {
  const { database, password } = options;
  await inQuietTransaction(sql, async (tx) => {
    const [role] = await tx`select from pg_roles where rolname = ${MOVE}`;
    if (role === undefined) await tx.unsafe(`create role ${MOVE} login replication bypassrls`);
    await tx.unsafe(`alter role ${MOVE} password '${scramVerifier(password, randomBytes(16))}'`);
    await tx.unsafe(`grant pg_read_all_data to ${MOVE}`);
    await tx.unsafe(`grant connect on database ${quoteName(database)} to ${MOVE}`);
    const [publication] = await tx`select from pg_publication where pubname = ${MOVE}`;
    if (publication === undefined) await tx.unsafe(`create publication ${MOVE} for all tables`);
  });
  // Outside the transaction: a transaction that has written cannot create a slot.
  const [slot] = await sql`select from pg_replication_slots where slot_name = ${MOVE}`;
  if (slot === undefined) await sql`select pg_create_logical_replication_slot(${MOVE}, 'pgoutput')`;
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

/** Writes a message that is never read, and returns a log position behind this message and all earlier commits. */
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

/** Ends the target's connections; drops its slots, the publication and the role. Safe to repeat. */
export async function dropPublication(sql: Sql, database: string): Promise<void> {
  // Without this, a target that still runs would connect again, and its slot could not be dropped.
  const [login] = await sql`select from pg_roles where rolname = ${MOVE}`;
  if (login !== undefined) await sql.unsafe(`alter role ${MOVE} nologin`);
  await sql`
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where usename = ${MOVE} and pid <> pg_backend_pid()`;
  await sql`
    select pg_drop_replication_slot(slot_name) from pg_replication_slots
    where database = current_database() and not active
      and (slot_name = ${MOVE} or (slot_name ~ '^pg_\\d+_sync_\\d+_' and plugin = 'pgoutput'))`;
  await sql.begin(async (tx) => {
    await tx.unsafe(`drop publication if exists ${MOVE}`);
    const [role] = await tx`select from pg_roles where rolname = ${MOVE}`;
    if (role === undefined) return;
    await tx.unsafe(`revoke connect on database ${quoteName(database)} from ${MOVE}`);
    await tx.unsafe(`drop role ${MOVE}`);
  });
}
