/**
 * Flushes the outbox: bumps the events of objects whose slabs moved, in short transactions (lib/indexd/bump-events.sql).
 *
 *   a batch of rows in one transaction -- too slow? --> its slabs one by one -- too slow? --> that slab to the end of the outbox
 *
 * So a slab of very many objects, or an object whose event somebody has locked, keeps no other slab waiting for longer than
 * the two time-outs that it takes to find out which one it is.
 */
import type { ISql } from "postgres";
import { parseSlabId, type SlabId } from "../slab/ids.ts";
import { BRIEFLY, type RetryOptions, retryTransaction } from "../store/retry-transaction.ts";
import { isStatementTimeout } from "../store/statement-timeout.ts";
import { StoreError } from "../store/store-error.ts";

/** Keeps a transaction short even when each slab belongs to many objects. */
const DEFAULT_LIMIT = 100;
/** Each may wait for a lock as long as the role's lock_timeout, 3 s; a run of reap has a minute for everything. */
const ATTEMPTS_BESIDE_OTHERS = 3;

interface FlushOptions {
  readonly limit?: number;
  readonly slabId?: SlabId;
  readonly retry?: RetryOptions;
}

/** How a statement is asked: every one by itself, because several may each take their whole time. */
type AskOne = <Result>(statement: (sql: ISql) => Promise<Result>) => Promise<Result>;

/** As {@link flushOutbox}, on a database that is known to answer. */
export function flushMoved(sql: ISql, options: FlushOptions = {}): Promise<number> {
  return flushOutbox((statement) => statement(sql), options);
}

/**
 * Idempotent, so a lost connection is no question.
 * @returns how many rows of the outbox are done; fewer than the limit: none was left that nobody else is at
 * @throws {StoreError} `outbox-stuck`: one slab's objects could not be told in time; what was before it is done, and it
 * stands at the end now
 */
export async function flushOutbox(ask: AskOne, options: FlushOptions = {}): Promise<number> {
  const { limit = DEFAULT_LIMIT, slabId } = options;
  if (slabId !== undefined) return await bumpEvents(ask, limit, slabId, options.retry);
  const retry = { maxAttempts: ATTEMPTS_BESIDE_OTHERS, ...options.retry };
  try {
    return await bumpEvents(ask, limit, undefined, retry);
  } catch (error) {
    if (!wasTooSlow(error)) throw error;
  }
  let done = 0;
  for (const each of await ask((sql) => firstSlabs(sql, limit))) {
    try {
      done += await bumpEvents(ask, limit, each, retry);
    } catch (cause) {
      if (!wasTooSlow(cause)) throw cause;
      await retryTransaction("move to the end", () => ask((sql) => moveToTheEnd(sql, each)), BRIEFLY);
      throw new StoreError({
        code: "outbox-stuck",
        message: `bump events: the objects of slab ${each} could not be told in time`,
        remedy: "Look for long transactions on object_events. Other slabs go before it from now on.",
        details: { slabId: String(each) },
        cause,
      });
    }
  }
  return done;
}

async function bumpEvents(
  ask: AskOne,
  limit: number,
  slabId: SlabId | undefined,
  retry: RetryOptions | undefined,
): Promise<number> {
  const onlySlab = slabId === undefined ? null : String(slabId);
  return await retryTransaction(
    "bump events",
    () =>
      ask(async (sql) => {
        const [row] = await sql<{ done: number }[]>`
          select slabmend.bump_events(${limit}::integer, ${onlySlab}::bigint) as done`;
        return row!.done;
      }),
    retry,
  );
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
