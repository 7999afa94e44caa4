/**
 * The target's side of the replication. The connection string holds a password:
 * docs/decisions/0036-moving-a-database.md.
 */
import type { ISql, Sql } from "postgres";
import { Secret } from "../../secret/secret.ts";
import { leaseLost } from "../runs/run-error.ts";
import { MOVE, quoteText } from "./move-names.ts";
import { isOpened } from "./open-target.ts";
import { inQuietTransaction } from "./quiet-transaction.ts";

/** The source's address as seen by the target. It may differ from the source's address on this machine. */
export interface SourceAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly sslMode: string;
  /** A path on the target's machine. */
  readonly sslRootCertificate: string | undefined;
}

const CONNECT_SECONDS = 10;

/** libpq's keywords and values. */
export function connectionString(
  address: SourceAddress,
  login: { readonly user: string; readonly password: Secret<string> },
): Secret<string> {
  const quoted = (value: string | number) =>
    `'${String(value).replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const parts = {
    host: address.host,
    port: address.port,
    dbname: address.database,
    user: login.user,
    password: login.password.reveal(),
    sslmode: address.sslMode,
    ...(address.sslRootCertificate === undefined ? {} : { sslrootcert: address.sslRootCertificate }),
    connect_timeout: CONNECT_SECONDS,
    application_name: MOVE,
  };
  return new Secret(
    Object.entries(parts)
      .map(([name, value]) => `${name}=${quoted(value)}`)
      .join(" "),
  );
}

/**
 * Creates the subscription: the target copies each table, and then follows the source's publication by the slot. The
 * slot must exist already, because only then may the statement run in a transaction; the settings of this transaction
 * keep the password out of the server's log. `disable_on_error` stays off, because a restart of the source is an error
 * too, and would end the replication permanently. Safe to repeat.
 */
export async function createSubscription(sql: Sql, connection: Secret<string>): Promise<void> {
  await inQuietTransaction(sql, async (tx) => {
    const [found] = await tx`select from pg_subscription where subname = ${MOVE}`;
    if (found !== undefined) return;
    await tx.unsafe(
      `create subscription ${MOVE} connection ${quoteText(connection.reveal())} publication ${MOVE}
       with (create_slot = false, slot_name = '${MOVE}', copy_data = true)`,
    );
  });
}

/**
 * Lets the target connect to the source as the replication role with a wrong password: the error shows whether the
 * source was reached and asked for a password. Changes nothing on either side.
 * @returns the error message of the source or the network
 */
export async function tryToReachSource(sql: Sql, connection: Secret<string>): Promise<string> {
  let result = "a server at that address let it in with a wrong password";
  await inQuietTransaction(sql, async (tx) => {
    await tx.unsafe(
      `create subscription ${MOVE} connection ${quoteText(connection.reveal())} publication ${MOVE}
       with (create_slot = false, slot_name = none, enabled = false, copy_data = false)`,
    );
    throw new Error(result);
  }).catch((error: Error) => {
    result = error.message;
  });
  return result;
}

export interface SubscriptionState {
  readonly isEnabled: boolean;
  /** The worker that applies changes is running. */
  readonly isApplying: boolean;
  readonly tables: number;
  /** Tables whose copy is complete and that now follow the log. */
  readonly readyTables: number;
  /** Bytes that the copies in progress have read so far. */
  readonly copyingBytes: number;
  readonly copyingRows: number;
  /** Errors of the subscription's workers since the subscription was created. */
  readonly errors: number;
}

/** Undefined: the subscription does not exist. */
export async function readSubscription(sql: ISql): Promise<SubscriptionState | undefined> {
  const [row] = await sql<
    {
      enabled: boolean;
      applying: boolean;
      tables: number;
      ready: number;
      bytes: string;
      rows: string;
      errors: string;
    }[]
  >`
    select s.subenabled as enabled,
      exists (select from pg_stat_subscription w where w.subid = s.oid and w.relid is null and w.pid is not null) as applying,
      (select count(*)::integer from pg_subscription_rel r where r.srsubid = s.oid) as tables,
      (select count(*)::integer from pg_subscription_rel r where r.srsubid = s.oid and r.srsubstate = 'r') as ready,
      coalesce((select sum(bytes_processed)::text from pg_stat_progress_copy where type = 'CALLBACK'), '0') as bytes,
      coalesce((select sum(tuples_processed)::text from pg_stat_progress_copy where type = 'CALLBACK'), '0') as rows,
      coalesce((select (apply_error_count + sync_error_count)::text from pg_stat_subscription_stats t where t.subid = s.oid), '0') as errors
    from pg_subscription s join pg_database d on d.oid = s.subdbid
    where s.subname = ${MOVE} and d.datname = current_database()`;
  if (row === undefined) return undefined;
  return {
    isEnabled: row.enabled,
    isApplying: row.applying,
    tables: row.tables,
    readyTables: row.ready,
    copyingBytes: Number(row.bytes),
    copyingRows: Number(row.rows),
    errors: Number(row.errors),
  };
}

/**
 * Does nothing if the subscription is enabled already, because the statement would wait until a worker has applied its
 * present change. Never enables the subscription of an open target: isOpened locks the run's row until this transaction
 * ends, so an opening has to wait, then finds the subscription enabled, and fails.
 * @throws {RunError} `run-lease-lost`: another process has opened the target
 */
export async function enableSubscription(sql: Sql, run: bigint): Promise<void> {
  const subscription = await readSubscription(sql);
  if (subscription?.isEnabled !== false) return;
  await sql.begin(async (tx) => {
    if (await isOpened(tx, run)) throw leaseLost(run);
    await tx.unsafe(`alter subscription ${MOVE} enable`);
  });
}

/** The subscription's workers end a moment later: then `isApplying` is false. */
export async function disableSubscription(sql: Sql): Promise<void> {
  await sql.unsafe(`alter subscription ${MOVE} disable`);
}

/** Does not contact the source, which may be unavailable: dropPublication drops the slots there. Safe to repeat. */
export async function dropSubscription(sql: Sql): Promise<void> {
  await sql.begin(async (tx) => {
    const [found] = await tx`
      select from pg_subscription s join pg_database d on d.oid = s.subdbid
      where s.subname = ${MOVE} and d.datname = current_database()`;
    if (found === undefined) return;
    // The workers are ended first, because the next statement would wait for a worker that is applying a change. A
    // terminated worker restarts only after some seconds.
    await tx`
      select pg_terminate_backend(w.pid) from pg_stat_subscription w where w.subname = ${MOVE} and w.pid is not null`;
    await tx.unsafe(`alter subscription ${MOVE} disable`);
    await tx.unsafe(`alter subscription ${MOVE} set (slot_name = none)`);
    await tx.unsafe(`drop subscription ${MOVE}`);
  });
}
