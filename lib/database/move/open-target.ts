import type { ISql, Sql } from "postgres";
import { raiseIncarnation } from "../journal/incarnation.ts";
import { quoteName } from "./move-names.ts";
import { type MoveRoles, openRoleStatements, settingStatements } from "./move-roles.ts";
import { inQuietTransaction } from "./quiet-transaction.ts";
import { openTargetStatements, type SourceAccess } from "./source-access.ts";

export interface Opening {
  readonly run: bigint;
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
 * With this transaction the target replaces the source as the database in use: it gets a new incarnation of the
 * journal, marks the run's copied row as done, and gets the source's logins and settings. All or nothing.
 */
export async function openTarget(sql: Sql, opening: Opening): Promise<void> {
  const { run, database, owner, roles, created, access, resumes } = opening;
  await inQuietTransaction(sql, async (tx) => {
    // Overrides the target's own setting: the source records this step next, and after that no crash of the target may
    // undo this transaction.
    await tx`select set_config('synchronous_commit', 'on', true)`;
    const done = await tx`
      update slabmend.runs set state = 'done', finished_at = clock_timestamp(), coordinator = null, token = null, expires_at = null
      where id = ${String(run)} and finished_at is null`;
    // The target was opened before.
    if (done.count === 0) return;
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
 */
export async function isOpened(sql: ISql, run: bigint): Promise<boolean> {
  const [found] = await sql<{ there: boolean }[]>`select to_regclass('slabmend.runs') is not null as there`;
  if (found?.there !== true) return false;
  const [row] = await sql<{ done: boolean }[]>`
    select finished_at is not null as done from slabmend.runs where id = ${String(run)} for share`;
  return row?.done === true;
}
