import type { ISql } from "postgres";
import { readTombstone, type Tombstone } from "./tombstone.ts";

export interface SchemaState {
  /** Version of slabmend's schema; 0: there is none. */
  readonly version: number;
  /** The role that would own new objects, and whether that role may create them. */
  readonly role: string;
  readonly mayCreate: boolean;
  readonly owner: string | undefined;
  /** The role owns slabmend's schema or has its owner's privileges. False without schema. */
  readonly mayDrop: boolean;
  /** Left by a deleted indexer. */
  readonly tombstone: Tombstone | undefined;
  /** Leases by state; all 0 without schema. */
  readonly waitingLeases: number;
  readonly runningLeases: number;
  /** Slabs whose objects' events have not been bumped yet. */
  readonly unflushedMoves: number;
  readonly journalRows: number;
}

/**
 * What `init` would find and `uninstall` would remove. It counts the rows of whole tables, so only commands of the
 * operator call it, never workers.
 */
export async function describeSchema(sql: ISql): Promise<SchemaState> {
  const [basis] = await sql<
    { role: string; may_create: boolean; may_drop: boolean; owner: string | null; found: boolean }[]
  >`
    select current_user::text as role,
      has_database_privilege(current_database(), 'create') as may_create,
      (select pg_get_userbyid(nspowner)::text from pg_namespace where nspname = 'slabmend') as owner,
      coalesce((select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'slabmend'), false) as may_drop,
      to_regclass('slabmend.database_migrations') is not null as found`;
  const { role, may_create: mayCreate, may_drop: mayDrop, owner, found } = basis!;
  const tombstone = found ? undefined : await readTombstone(sql);
  const state = { role, mayCreate, mayDrop, owner: owner ?? undefined, tombstone };
  if (!found) {
    return { ...state, version: 0, waitingLeases: 0, runningLeases: 0, unflushedMoves: 0, journalRows: 0 };
  }
  const [counts] = await sql<
    { version: number; waiting: number; running: number; moved: number; journal: number }[]
  >`
    select (select coalesce(max(version), 0) from slabmend.database_migrations) as version,
      (select count(*)::integer from slabmend.leases where began_at is null) as waiting,
      (select count(*)::integer from slabmend.leases where began_at is not null and expires_at > clock_timestamp())
        as running,
      (select count(*)::integer from slabmend.moved) as moved,
      (select count(*)::integer from slabmend.journal) as journal`;
  const { version, waiting, running, moved, journal } = counts!;
  return {
    ...state,
    version,
    waitingLeases: waiting,
    runningLeases: running,
    unflushedMoves: moved,
    journalRows: journal,
  };
}
