import type { ISql } from "postgres";
import type { SlabId } from "../slab/ids.ts";
import { type RetryOptions, retryTransaction } from "../store/retry-transaction.ts";

/** Keeps a transaction short even when each slab belongs to many objects. */
const DEFAULT_LIMIT = 100;

/**
 * Bumps the events of objects whose slabs moved: lib/indexd/bump-events.sql. One short transaction; idempotent, so a
 * lost connection is no question. Returns how many rows of the outbox are done; fewer than the limit: none was left
 * that nobody else is at.
 */
export async function flushMoved(
  sql: ISql,
  options: { readonly limit?: number; readonly slabId?: SlabId; readonly retry?: RetryOptions } = {},
): Promise<number> {
  const limit = options.limit ?? DEFAULT_LIMIT;
  const onlySlab = options.slabId === undefined ? null : String(options.slabId);
  return await retryTransaction(
    "bump events",
    async () => {
      const [row] = await sql<{ done: number }[]>`
        select slabmend.bump_events(${limit}::integer, ${onlySlab}::bigint) as done`;
      return row!.done;
    },
    options.retry,
  );
}
