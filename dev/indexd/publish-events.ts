import type { Sql } from "postgres";

/** indexd's maximum batch size. */
const MOST_EVENTS = 25_000;

export interface PublishedEvent {
  readonly account: string;
  /** Hex. */
  readonly key: string;
  /** Microseconds since the epoch: the event's position in the stream. */
  readonly stamp: string;
}

/**
 * Runs one pass of indexd's publisher, which exists from database version 24 on; before 24 this function does nothing.
 * The pass takes a batch of events without a time and sets their time to the current second. There is at most one batch
 * per second, and an event that a writer has locked follows in a later batch.
 */
export async function publishEvents(sql: Sql): Promise<readonly PublishedEvent[]> {
  const [settings] = await sql<{ version: number }[]>`select db_version as version from global_settings`;
  if (settings!.version < 24) return [];
  // An upgrade locks the events first and then the settings, and so does this transaction.
  return await sql.begin(async (tx): Promise<readonly PublishedEvent[]> => {
    const [row] = await tx<{ waiting: boolean }[]>`
      select exists (select from object_events e where e.updated_at is null) as waiting`;
    if (!row!.waiting) return [];
    const moved = await tx`
      update global_settings set object_events_last_published = date_trunc('second', now())
      where object_events_last_published < date_trunc('second', now())`;
    if (moved.count === 0) return [];
    return await tx<PublishedEvent[]>`
      with waiting as (
        select account_id, object_key from object_events where updated_at is null
        order by account_id, object_key limit ${MOST_EVENTS} for update skip locked
      )
      update object_events e set updated_at = date_trunc('second', now())
      from waiting w where e.account_id = w.account_id and e.object_key = w.object_key
      returning e.account_id::text as account, encode(e.object_key, 'hex') as key,
        (extract(epoch from e.updated_at) * 1000000)::bigint::text as stamp`;
  });
}
