import type { ISql } from "postgres";
import type { PublishedEvent } from "../indexd/publish-events.ts";

interface EventRow {
  readonly account: string;
  readonly key: string;
  /** The event's time in microseconds since the epoch; null: the event was not published. */
  readonly stamp: string | null;
  /** When a sector of the object's slabs was last moved, in microseconds since the epoch; null: no sector was moved. */
  readonly moved_at: string | null;
}

export interface WitnessedEvents {
  /** The events to which indexd's publisher gave a time. */
  readonly published: readonly PublishedEvent[];
  /**
   * The time that each event had when indexd was upgraded to a version with a publisher, by account and key; undefined
   * if indexd had a publisher from the start.
   */
  readonly before: ReadonlyMap<string, string> | undefined;
  /**
   * For each object, by account and key: the time of the last event that the client in follow-events.ts received about
   * it.
   */
  readonly told: ReadonlyMap<string, string>;
  readonly publishes: boolean;
}

/**
 * Finds violations in the events at the end of a run: an event that is unpublished, or lost, or that the client in
 * follow-events.ts never received, or whose time is not from the publisher although indexd has one.
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
