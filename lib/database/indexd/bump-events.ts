/**
 * Flushes the outbox: bumps the events of objects whose slabs moved, in short transactions (lib/database/indexd/bump-events.sql).
 *
 *   a batch of rows in one transaction -- too slow? --> its slabs one by one -- too slow? --> that slab to the end of the outbox
 *
 * So a slab of very many objects, or an object whose event somebody has locked, keeps no other slab waiting for longer than it
 * takes to find out which one it is: that something is locked the batch has shown, so one by one they wait for locks but briefly. The
 * slabs of one object are all stuck with it, and what comes after them is still reached.
 */
import type { ISql } from "postgres";
import { parseSlabId, type SlabId } from "../../slab/ids.ts";
import { BRIEFLY, type RetryOptions, retryTransaction } from "../client/retry-transaction.ts";
import { isStatementTimeout } from "../client/statement-timeout.ts";
import { StoreError } from "../client/store-error.ts";
import { type VerifyOptions, writeVerified } from "./version/write-verified.ts";

/** Keeps a transaction short even when each slab belongs to many objects. */
const DEFAULT_LIMIT = 100;
/** Each may wait for a lock as long as the role's lock_timeout, 3 s; a run of reap has a minute for everything. */
const ATTEMPTS_BESIDE_OTHERS = 3;

/** Of a slab by itself, once its batch was too slow. A thousand of one locked object take minutes, not hours. */
const BRIEF_LOCK_TIMEOUT_MS = 200;

interface FlushOptions {
  readonly limit?: number;
  readonly slabId?: SlabId;
  readonly retry?: RetryOptions;
  readonly verify?: VerifyOptions;
  /** Asked before each slab but the first of a batch that was too slow; default: it never is. */
  readonly timeIsUp?: () => boolean;
}

/** Thrown when all was tried that there was time for. The stuck slabs stand at the end of the outbox now. */
export class OutboxStuckError extends StoreError {
  /** Rows of the outbox that are done all the same. */
  readonly done: number;

  constructor(stuck: readonly [SlabId, ...SlabId[]], done: number, cause: unknown) {
    const [slabId, ...more] = stuck;
    const which = more.length === 0 ? `slab ${slabId}` : `slab ${slabId} and ${more.length} more`;
    super({
      code: "outbox-stuck",
      message: `bump events: the objects of ${which} could not be told in time`,
      remedy: "Look for long transactions on object_events. Other slabs go before it from now on.",
      details: { slabId: String(slabId), slabs: stuck.length },
      cause,
    });
    this.done = done;
  }
}

/** How a statement is asked: every one by itself, because several may each take their whole time. */
type AskOne = <Result>(statement: (sql: ISql) => Promise<Result>) => Promise<Result>;

/** As {@link flushOutbox}, on a database that is known to answer. */
export function flushMoved(sql: ISql, options: FlushOptions = {}): Promise<number> {
  return flushOutbox((statement) => statement(sql), options);
}

/**
 * Idempotent, so a lost connection is no question.
 * @returns how many rows of the outbox are done; 0: every row left is locked by another caller
 * @throws {OutboxStuckError} some slabs' objects could not be told in time
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
    // The batch may have taken all of it: one slab at least, or nothing would ever come of it.
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
  /** Does not wait for a lock as long as the role may. */
  readonly isBrief?: boolean;
}

async function bumpEvents(
  ask: AskOne,
  { limit, slabId, isBrief = false }: Bump,
  retry: RetryOptions | undefined,
): Promise<number> {
  const onlySlab = slabId === undefined ? null : String(slabId);
  const bump = async (sql: ISql): Promise<number> => {
    // For this one transaction, in its own statement: behind a pooler there is no session to set.
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

/** The statement_timeout, or lock_timeouts again and again. */
function wasTooSlow(error: unknown): boolean {
  return isStatementTimeout(error) || (error instanceof StoreError && error.code === "retries-exhausted");
}

/** Of the first rows, each slab once, in their order. */
async function firstSlabs(sql: ISql, limit: number): Promise<SlabId[]> {
  const rows = await sql<{ slab_id: string }[]>`
    select m.slab_id::text from (select id, slab_id from slabmend.moved order by id limit ${limit}) m
    group by m.slab_id order by min(m.id)`;
  return rows.map(({ slab_id }) => parseSlabId(slab_id));
}

/** Rows that somebody flushes at this moment are left to them. */
async function moveToTheEnd(sql: ISql, slabId: SlabId): Promise<void> {
  await sql`
    with gone as (
      delete from slabmend.moved where id in (
        select id from slabmend.moved where slab_id = ${String(slabId)} for update skip locked)
      returning slab_id, digest, moved_at
    )
    insert into slabmend.moved (slab_id, digest, moved_at) select slab_id, digest, moved_at from gone`;
}
