import type { ISql, Sql } from "postgres";
import { raiseIncarnation } from "../journal/incarnation.ts";
import { leaseLost } from "../runs/run-error.ts";
import { hasSchema } from "./load-schema.ts";
import { MOVE, quoteName } from "./move-names.ts";
import { type MoveRoles, openRoleStatements, settingStatements } from "./move-roles.ts";
import { inQuietTransaction } from "./quiet-transaction.ts";
import { openTargetStatements, type SourceAccess } from "./source-access.ts";

export interface Opening {
  readonly run: bigint;
  /** The key that was given to {@link allowOpening}. */
  readonly key: string;
  readonly database: string;
  readonly owner: string;
  readonly roles: MoveRoles;
  /** Roles that the move created. */
  readonly created: ReadonlySet<string>;
  readonly access: SourceAccess;
  /** The fleet is in maintenance because of the move, and will run again in the target. */
  readonly resumes: boolean;
}

/**
 * Lets the process that has this key open the target. The key is a random one that no other process has: the run's own
 * token would not do, because it is replicated to the target. The subscription must be disabled.
 */
export async function allowOpening(sql: ISql, run: bigint, key: string): Promise<void> {
  await sql`
    update slabmend.runs set token = ${key}, coordinator = coalesce(coordinator, 'opening'), expires_at = clock_timestamp()
    where id = ${String(run)} and finished_at is null`;
}

/**
 * Withdraws every earlier {@link allowOpening}: even a process that was allowed to open the target, but was suspended
 * and continues only now, can then no longer open it.
 * @returns as {@link isOpened}
 */
export async function withdrawOpening(sql: ISql, run: bigint): Promise<boolean | undefined> {
  if (await hasSchema(sql)) {
    await sql`
      update slabmend.runs set token = null, coordinator = null, expires_at = null
      where id = ${String(run)} and finished_at is null`;
  }
  return await isOpened(sql, run);
}

/**
 * With this transaction the target replaces the source as the database in use: it gets a new incarnation of the
 * journal, marks the run's copied row as done, and gets the source's logins and settings. All or nothing.
 * @throws {RunError} `run-lease-lost`: another process has taken the move over, and nothing was changed
 */
export async function openTarget(sql: Sql, opening: Opening): Promise<void> {
  const { run, key, database, owner, roles, created, access, resumes } = opening;
  await inQuietTransaction(sql, async (tx) => {
    // Whatever the target's own setting is, this commit must be on disk when it is acknowledged: the source then
    // records that the target is open, and a later crash of the target must not undo the opening.
    await tx`select set_config('synchronous_commit', 'on', true)`;
    const done = await tx`
      update slabmend.runs set state = 'done', finished_at = clock_timestamp(), coordinator = null, token = null, expires_at = null
      where id = ${String(run)} and finished_at is null and token = ${key}`;
    if (done.count === 0) {
      // The target was opened before.
      if (await isOpened(tx, run)) return;
      throw leaseLost(run);
    }
    const [enabled] = await tx`
      select from pg_subscription s join pg_database d on d.oid = s.subdbid
      where s.subname = ${MOVE} and s.subenabled and d.datname = current_database()`;
    if (enabled !== undefined) throw leaseLost(run);
    await raiseIncarnation(tx, 0);
    if (resumes) {
      await tx`
        update slabmend.fleet set mode = 'running', mode_owner = null, mode_reason = null, mode_since = null
        where mode = 'maintenance'`;
    }
    await tx.unsafe(`alter database ${quoteName(database)} owner to ${quoteName(owner)}`);
    const statements = [
      ...openRoleStatements(roles.roles.filter(({ name }) => created.has(name))),
      ...settingStatements(roles.settings, { database, created }),
      ...openTargetStatements(database, access.connect),
    ];
    for (const statement of statements) await tx.unsafe(statement);
  });
}

/**
 * Whether {@link openTarget} was done. Waits for a transaction of openTarget that has not ended: its COMMIT may be
 * under way although its client has given up. If this function answered false too early, both databases would be open.
 * @returns undefined if indexd's tables are there, but not the run's row. Either the row is not copied yet, or the
 * target was opened long ago: every finished run's row is deleted after a while.
 */
export async function isOpened(sql: ISql, run: bigint): Promise<boolean | undefined> {
  const [found] = await sql<{ indexd: boolean; runs: boolean }[]>`
    select to_regclass('public.slabs') is not null as indexd, to_regclass('slabmend.runs') is not null as runs`;
  if (found!.runs) {
    const [row] = await sql<{ done: boolean }[]>`
      select finished_at is not null as done from slabmend.runs where id = ${String(run)} for share`;
    if (row !== undefined) return row.done;
  }
  return found!.indexd ? undefined : false;
}
