import type { Sql, TransactionSql } from "postgres";
import { assertNotMoving } from "./migrate-database.ts";
import { leaveTombstone, type Tombstone } from "./tombstone.ts";

/**
 * The longest wait for the locks of workers that are committing. While this transaction waits for our tables, indexd
 * can still write to its own.
 */
const LOCK_TIMEOUT_MS = 5_000;

interface Dropped {
  readonly eventsBumped: number;
  readonly slabsFreed: number;
}

/**
 * Returns leased slabs to indexd and removes slabmend's schema, in one transaction: all or nothing. Call flushMoved
 * first, so that few events are left: this transaction bumps only those of repairs that were committed afterwards.
 *
 * Locks: first our tables as a whole, so that no claim, begin or commit happens in between; then the slabs whose
 * next_repair_attempt is still the value that we wrote.
 */
export async function dropSchema(sql: Sql): Promise<Dropped> {
  return await sql.begin(async (tx) => {
    await lockSchema(tx);
    return await freeAndDrop(tx);
  });
}

export interface Deletion extends Pick<Tombstone, "owner" | "reason"> {
  /** Token of the lease by which this process drives the indexer. */
  readonly token: string;
}

export type DeletionResult =
  /** `roles`: the workers' roles. */
  | { readonly kind: "deleted"; readonly slabsFreed: number; readonly roles: readonly string[] }
  | { readonly kind: "lease-lost" }
  | { readonly kind: "leases-running"; readonly running: number };

/**
 * Like {@link dropSchema}, provided that no repair runs and this process still drives the indexer; leaves the
 * tombstone, and revokes the workers' privileges on indexd's tables. The roles are kept, because the workers still log
 * in with them to read the tombstone.
 */
export async function deleteIndexer(sql: Sql, { token, ...tombstone }: Deletion): Promise<DeletionResult> {
  return await sql.begin(async (tx): Promise<DeletionResult> => {
    await lockSchema(tx);
    const [held] = await tx`select 1 from slabmend.lifecycle where token = ${token}::uuid for update`;
    if (held === undefined) return { kind: "lease-lost" };
    const [leases] = await tx<{ running: number }[]>`
      select count(*)::integer as running from slabmend.leases
      where began_at is not null and expires_at > clock_timestamp()`;
    if (leases!.running > 0) return { kind: "leases-running", running: leases!.running };
    const roles = await tx<{ name: string }[]>`
      select distinct r.rolname::text as name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      cross join aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
      where n.nspname = 'slabmend' and c.relname = 'leases' and a.privilege_type = 'INSERT' and r.oid <> c.relowner
      order by name`;
    const { slabsFreed } = await freeAndDrop(tx);
    await leaveTombstone(tx, tombstone);
    for (const { name } of roles) {
      await tx`revoke all on all tables in schema public from ${tx(name)}`;
      await tx`revoke all on all sequences in schema public from ${tx(name)}`;
      await tx`revoke all on schema public from ${tx(name)}`;
    }
    return { kind: "deleted", slabsFreed, roles: roles.map(({ name }) => name) };
  });
}

async function lockSchema(tx: TransactionSql): Promise<void> {
  await tx`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`;
  await assertNotMoving(tx);
  await tx`select slabmend.hold_indexd(array['slabs'])`;
  await tx`lock table slabmend.leases, slabmend.moved, slabmend.repairs in access exclusive mode`;
}

async function freeAndDrop(tx: TransactionSql): Promise<Dropped> {
  const freed = await tx`
    update public.slabs s set next_repair_attempt = clock_timestamp()
    from slabmend.leases l
    where s.id = l.slab_id and s.next_repair_attempt = l.held_until`;
  // All waits come before the events are bumped, because the times of the events are only two seconds ahead. The order
  // is that in which the fleet locks: the sequencer locks journal_head before journal, the older table.
  const [all] = await tx<[{ tables: string }]>`
    select string_agg(c.oid::regclass::text, ', ' order by c.relname <> 'journal_head', c.oid) as tables
    from pg_class c where c.relnamespace = 'slabmend'::regnamespace and c.relkind = 'r'`;
  await tx.unsafe(`lock table ${all.tables} in access exclusive mode`);
  const eventsBumped = await flushRest(tx);
  await tx`drop schema slabmend cascade`;
  return { eventsBumped, slabsFreed: freed.count };
}

/**
 * The caller has locked `moved`, so nothing can be added to the outbox any more. Rows that are not flushed now are lost
 * when the table is dropped.
 */
async function flushRest(tx: TransactionSql): Promise<number> {
  let bumped = 0;
  for (let done = 1; done > 0; bumped += done) {
    const [row] = await tx<[{ done: number }]>`select slabmend.bump_events(100, null) as done`;
    ({ done } = row);
  }
  return bumped;
}
