import type { ISql } from "postgres";
import type { PublishedEvent } from "../indexd/publish-events.ts";

interface EventRow {
  readonly account: string;
  readonly key: string;
  /** Microseconds since the epoch; null: not published. */
  readonly stamp: string | null;
  /** Time of the last move in one of its slabs, in the same unit; null: no sector was moved. */
  readonly moved_at: string | null;
}

export interface WitnessedEvents {
  /** Times given by indexd's publisher. */
  readonly published: readonly PublishedEvent[];
  /** The events' times when the publisher took over, by account and key; undefined: the publisher existed from the start. */
  readonly before: ReadonlyMap<string, string> | undefined;
  /** The last event that a following client received, by account and key. */
  readonly told: ReadonlyMap<string, string>;
  readonly publishes: boolean;
}

/**
 * Violations concerning events at the end: an event that the client never received, or that a publishing indexd did not put into
 * the stream.
 */
export async function findEventViolations(sql: ISql, witnessed: WitnessedEvents): Promise<string[]> {
  const rows = await sql<EventRow[]>`
    select e.account_id::text as account, encode(e.object_key, 'hex') as key,
      (extract(epoch from e.updated_at) * 1000000)::bigint::text as stamp,
      (select (extract(epoch from max(j.finished_at)) * 1000000)::bigint::text
       from objects o join object_slabs os on os.object_id = o.id
       join slabmend.journal j on j.digest = os.slab_digest and j.moves <> '[]'
       where o.object_key = e.object_key) as moved_at
    from object_events e order by e.account_id, e.object_key`;
  const stampedByIndexd = new Set(
    witnessed.published.map(({ account, key, stamp }) => `${account} ${key} ${stamp}`),
  );
  return rows.flatMap((row) => judgeEvent(row, witnessed, stampedByIndexd));
}

function judgeEvent(
  { account, key, stamp, moved_at }: EventRow,
  { told, before, publishes }: WitnessedEvents,
  stampedByIndexd: ReadonlySet<string>,
): string[] {
  const event = `the event of object ${key} in account ${account}`;
  const name = `${account} ${key}`;
  const violations: string[] = [];
  if (stamp === null) return [`${event} was left unpublished`];
  if (moved_at !== null && BigInt(stamp) + 1_000_000n < BigInt(moved_at))
    violations.push(`${event} was lost`);
  if (told.get(name) !== stamp) violations.push(`a client that follows the events never received ${event}`);
  const isOfBefore = before === undefined ? moved_at === null : before.get(name) === stamp;
  if (publishes && !isOfBefore && !stampedByIndexd.has(`${name} ${stamp}`)) {
    violations.push(`${event} was not stamped by indexd`);
  }
  return violations;
}
