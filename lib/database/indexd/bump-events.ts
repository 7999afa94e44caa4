/**
 * Flushes the outbox: bumps the events of objects whose slabs moved, in short transactions
 * (lib/database/indexd/bump-events.sql).
 *
 *   a batch of rows in one transaction -- too slow? --> its slabs one by one -- too slow? --> that slab to the end of
 *   the outbox
 *
 * So a slab with very many objects, or an object whose event is locked, delays the other slabs only until the slow slab
 * is found. The slow batch has already shown that something is locked, so single slabs wait only briefly for locks. All
 * slabs of a locked object are moved to the end, and the slabs after them are still reached.
 */
import type { ISql } from "postgres";
import { parseSlabId, type SlabId } from "../../slab/ids.ts";
import { BRIEFLY, type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";
import { isStatementTimeout } from "../client/statement-timeout.ts";
import { StoreError } from "../client/store-error.ts";
import { type VerifyOptions, writeVerified } from "./version/write-verified.ts";

/**
 * Rows of the outbox per transaction: few, so that the transaction is short even if each slab belongs to many objects.
 */
const DEFAULT_LIMIT = 100;
/**
 * Attempts per batch. Each attempt may wait 3 s for a lock (the role's lock_timeout), and a run of reap has one minute
 * in total.
 */
const ATTEMPTS_BESIDE_OTHERS = 3;

/**
 * How long a single slab of a slow batch waits for a lock. The wait is so short that a thousand slabs of one locked
 * object take minutes, not hours.
 */
const BRIEF_LOCK_TIMEOUT_MS = 200;

interface FlushOptions {
  readonly limit?: number;
  readonly slabId?: SlabId;
  readonly retry?: RetryOptions;
  readonly verify?: VerifyOptions;
  /**
   * Called when the slabs of a slow batch are flushed one by one, before each slab but the first: true ends the flush.
   */
  readonly timeIsUp?: () => boolean;
}

/**
 * Thrown after a slow batch: its slabs were tried one by one, as long as there was time, and some were stuck. The stuck
 * slabs are now at the end of the outbox.
 */
export class OutboxStuckError extends StoreError {
  /** How many rows of the outbox were flushed nevertheless. */
  readonly done: number;

  constructor(stuck: readonly [SlabId, ...SlabId[]], done: number, cause: unknown) {
    const [slabId, ...more] = stuck;
    const which = more.length === 0 ? `slab ${slabId}` : `slab ${slabId} and ${more.length} more`;
    super({
      code: "outbox-stuck",
      message: `bump events: the events of the objects of ${which} could not be bumped in time`,
      remedy:
        "Look for long transactions that lock object_events. These slabs are now at the end of the outbox and are tried again.",
      details: { slabId: String(slabId), slabs: stuck.length },
      cause,
    });
    this.done = done;
  }
}

/**
 * Runs one statement with a time limit of its own: a flush needs several statements, and each may take its full time.
 */
type AskOne = <Result>(statement: (sql: ISql) => Promise<Result>) => Promise<Result>;

/**
 * Like {@link flushOutbox}, but sets no time limit for a statement, because the caller knows that the database
 * responds.
 */
export function flushMoved(sql: ISql, options: FlushOptions = {}): Promise<number> {
  return flushOutbox((statement) => statement(sql), options);
}

/**
 * Flushes the first rows of the outbox, or all rows of one slab. Idempotent, so retried after a lost connection.
 * @returns the number of flushed rows of the outbox; 0: the outbox is empty, or another caller has locked all its rows
 * @throws {OutboxStuckError} the events of some slabs' objects could not be bumped in time
 */
export async function flushOutbox(ask: AskOne, options: FlushOptions = {}): Promise<number> {
  const { limit = DEFAULT_LIMIT, slabId, timeIsUp = () => false } = options;
  const bump = (which: Bump, retry: RetryOptions | undefined): Promise<number> =>
    writeVerified(ask, () => bumpEvents(ask, which, retry), options.verify);
  if (slabId !== undefined) return await bump({ limit, slabId }, options.retry);
  const retry = { maxAttempts: ATTEMPTS_BESIDE_OTHERS, ...options.retry };
  try {
    return await bump({ limit }, retry);
  } catch (error) {
    if (!wasTooSlow(error)) throw error;
  }
  const stuck: SlabId[] = [];
  let done = 0;
  let cause: unknown;
  for (const [n, each] of (await ask((sql) => firstSlabs(sql, limit))).entries()) {
    // The batch may have used all the time. At least one slab is tried nevertheless, so that each call makes progress.
    if (n > 0 && timeIsUp()) break;
    try {
      done += await bump({ limit, slabId: each, isBrief: true }, { ...retry, maxAttempts: 1 });
    } catch (error) {
      if (!wasTooSlow(error)) throw error;
      await retryTransaction("move to the end", () => ask((sql) => moveToTheEnd(sql, each)), BRIEFLY);
      stuck.push(each);
      cause ??= error;
    }
  }
  const [first, ...more] = stuck;
  if (first !== undefined) throw new OutboxStuckError([first, ...more], done, cause);
  return done;
}

interface Bump {
  readonly limit: number;
  readonly slabId?: SlabId;
  /** Waits for a lock only BRIEF_LOCK_TIMEOUT_MS, not as long as the role's lock_timeout. */
  readonly isBrief?: boolean;
}

async function bumpEvents(
  ask: AskOne,
  { limit, slabId, isBrief = false }: Bump,
  retry: RetryOptions | undefined,
): Promise<number> {
  const onlySlab = slabId === undefined ? null : String(slabId);
  const bump = async (sql: ISql): Promise<number> => {
    // The statement itself sets the lock_timeout, for its transaction only: behind a pooler there is no session to
    // configure.
    const patience = isBrief
      ? sql`set_config('lock_timeout', ${`${BRIEF_LOCK_TIMEOUT_MS}ms`}, true)`
      : sql`null`;
    const [row] = await sql<{ done: number }[]>`
      with patience as materialized (select ${patience})
      select slabmend.bump_events(${limit}::integer, ${onlySlab}::bigint) as done from patience`;
    return row!.done;
  };
  return await retryTransaction("bump events", () => ask(bump), retry);
}

/** Whether a statement_timeout ended the flush, or a lock_timeout ended each of its attempts. */
function wasTooSlow(error: unknown): boolean {
  return isStatementTimeout(error) || (error instanceof StoreError && error.code === "retries-exhausted");
}

/** The slabs of the first rows of the outbox: each slab once, in the order of its first row. */
async function firstSlabs(sql: ISql, limit: number): Promise<SlabId[]> {
  const rows = await sql<{ slab_id: string }[]>`
    select m.slab_id::text from (select id, slab_id from slabmend.moved order by id limit ${limit}) m
    group by m.slab_id order by min(m.id)`;
  return rows.map(({ slab_id }) => parseSlabId(slab_id));
}

/** Skips rows that another caller is flushing at this moment. */
async function moveToTheEnd(sql: ISql, slabId: SlabId): Promise<void> {
  await sql`
    with gone as (
      delete from slabmend.moved where id in (
        select id from slabmend.moved where slab_id = ${String(slabId)} for update skip locked)
      returning slab_id, digest, moved_at
    )
    insert into slabmend.moved (slab_id, digest, moved_at) select slab_id, digest, moved_at from gone`;
}
