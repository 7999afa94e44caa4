import type { ISql } from "postgres";
import { BRIEFLY, retryTransaction } from "../client/retry-transaction.ts";
import { storableText } from "../client/storable-text.ts";

/** A dead letter, as received from the queue of dead letters. */
export interface NewDeadLetter {
  readonly messageId: string;
  readonly body: string;
  /** A stable code: why the message started no repair. */
  readonly cause: string;
  readonly receiveCount: number;
  readonly sentAtMs: number | undefined;
  /** Slab and token are present only if the message can be decoded. */
  readonly slabId?: bigint;
  readonly token?: string;
}

/** If a message is longer, only its beginning is stored. slabmend's own messages have 170 bytes. */
const MOST_BODY_CHARACTERS = 16_384;

/**
 * Stores dead letters where an operator can read them. One statement, idempotent except for the counts: a letter
 * received again, because its deletion failed or it was resent, updates the same row.
 *
 * If a lease has not begun and its message is a dead letter, the lease expires now: reap frees its slab in the next
 * run. Otherwise, after an outage of the database, leases that never begin could keep the fleet at its lease limit for
 * an hour. A lease whose row is locked is left alone: its repair is just beginning.
 */
export async function storeDeadLetters(sql: ISql, letters: readonly NewDeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  const encoded = JSON.stringify(
    letters.map((letter) => ({
      message_id: storableText(letter.messageId, 200),
      body: storableText(letter.body, MOST_BODY_CHARACTERS),
      body_bytes: Buffer.byteLength(letter.body),
      cause: letter.cause,
      slab_id: letter.slabId === undefined ? null : String(letter.slabId),
      token: letter.token ?? null,
      receive_count: letter.receiveCount,
      sent_at: letter.sentAtMs === undefined ? null : new Date(letter.sentAtMs).toISOString(),
    })),
  );
  const store = () => sql`
    with dead as (
      select l.slab_id from slabmend.leases l
      where (l.slab_id, l.token) in (
          select x.slab_id, x.token from jsonb_to_recordset(${encoded}::text::jsonb) as x (slab_id bigint, token uuid))
        and l.began_at is null
      order by l.slab_id for update of l skip locked
    ), ended as (
      update slabmend.leases l set expires_at = clock_timestamp()
      from dead d where l.slab_id = d.slab_id and l.expires_at > clock_timestamp()
    )
    insert into slabmend.dead_letters as d
      (message_id, body, body_bytes, cause, slab_id, token, receive_count, sent_at, first_seen, last_seen)
    select distinct on (l.message_id)
      l.message_id, l.body, l.body_bytes, l.cause, l.slab_id, l.token, l.receive_count, l.sent_at,
      clock_timestamp(), clock_timestamp()
    from jsonb_to_recordset(${encoded}::text::jsonb) as l (message_id text, body text, body_bytes integer, cause text,
      slab_id bigint, token uuid, receive_count integer, sent_at timestamptz)
    order by l.message_id, l.receive_count desc
    on conflict (message_id) do update set
      receive_count = greatest(d.receive_count, excluded.receive_count),
      times_seen = d.times_seen + 1,
      last_seen = excluded.last_seen`;
  await retryTransaction("store dead letters", async () => await store(), BRIEFLY);
}
