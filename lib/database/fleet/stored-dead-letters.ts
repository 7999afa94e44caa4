import type { ISql } from "postgres";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../slab/ids.ts";
import type { LeasedSlab } from "../../slab/leased-slab.ts";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";

/** What can still be done with a dead letter. */
export type DeadLetterFate =
  /** The letter's lease still waits for its repair to begin: if the letter is resent, the slab is repaired. */
  | "can-be-sent"
  /** The letter is no longer needed: its lease is over, or the repair has begun through another message. */
  | "moot"
  /** This release cannot decode the letter. */
  | "unreadable";

export interface StoredDeadLetter {
  readonly messageId: string;
  readonly fate: DeadLetterFate;
  readonly cause: string;
  readonly slabId: string | undefined;
  readonly bodyBytes: number;
  /** The beginning of an unreadable letter; undefined for a readable letter, which holds only ids and a token. */
  readonly body: string | undefined;
  readonly receiveCount: number;
  readonly timesSeen: number;
  readonly firstSeen: Date;
  readonly lastSeen: Date;
  /** The lease that the letter names; present only if the letter can be sent again. */
  readonly lease: LeasedSlab | undefined;
}

const MOST_BODY_CHARACTERS = 500;

/**
 * Reads the dead letters with these message ids, or all dead letters, and the state of their leases. Returns the
 * `limit` letters that were received last, and the total number of letters. Reads dead_letters_last_seen_idx.
 */
export async function listDeadLetters(
  sql: ISql,
  request: { readonly limit: number; readonly messageIds?: readonly string[] },
): Promise<{ readonly total: number; readonly letters: readonly StoredDeadLetter[] }> {
  const chosen = request.messageIds === undefined ? null : JSON.stringify(request.messageIds);
  const rows = await sql<
    {
      message_id: string;
      fate: DeadLetterFate;
      cause: string;
      slab_id: string | null;
      body_bytes: number;
      body: string;
      receive_count: number;
      times_seen: number;
      first_seen: Date;
      last_seen: Date;
      token: string | null;
      digest: string | null;
      total: number;
    }[]
  >`
    select d.message_id, d.cause, d.slab_id::text, d.body_bytes, left(d.body, ${MOST_BODY_CHARACTERS}) as body,
      d.receive_count, d.times_seen, d.first_seen, d.last_seen, l.token::text, encode(l.digest, 'hex') as digest, (count(*) over ())::integer as total,
      case
        when d.token is null then 'unreadable'
        when l.token is null or l.began_at is not null then 'moot'
        else 'can-be-sent'
      end as fate
    from slabmend.dead_letters d
    left join slabmend.leases l on l.slab_id = d.slab_id and l.token = d.token
    where ${chosen}::text is null
      or d.message_id in (select t from jsonb_array_elements_text(${chosen}::text::jsonb) t)
    order by d.last_seen desc, d.message_id
    limit ${request.limit}::integer`;
  return {
    total: rows[0]?.total ?? 0,
    letters: rows.map((row) => ({
      messageId: row.message_id,
      fate: row.fate,
      cause: row.cause,
      slabId: row.slab_id ?? undefined,
      bodyBytes: row.body_bytes,
      body: row.fate === "unreadable" ? row.body : undefined,
      receiveCount: row.receive_count,
      timesSeen: row.times_seen,
      firstSeen: row.first_seen,
      lastSeen: row.last_seen,
      lease:
        row.fate === "can-be-sent"
          ? {
              slabId: parseSlabId(row.slab_id!),
              digest: parseSlabDigest(row.digest!),
              token: parseLeaseToken(row.token!),
            }
          : undefined,
    })),
  };
}

/** By primary key. Returns the number of deleted rows. */
export async function deleteDeadLetters(sql: ISql, messageIds: readonly string[]): Promise<number> {
  if (messageIds.length === 0) return 0;
  const remove = () => sql`
    delete from slabmend.dead_letters d
    where d.message_id in (select t from jsonb_array_elements_text(${JSON.stringify(messageIds)}::text::jsonb) t)`;
  const result = await retryTransaction("delete dead letters", async () => await remove(), ONLY_CONFLICTS);
  return result.count;
}
