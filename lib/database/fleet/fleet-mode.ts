/**
 * Pause: claim leases nothing and sends nothing until it is lifted. What is leased is repaired, reap goes on, so a fleet
 * that is paused comes to rest within minutes and owes nobody anything. It holds for every worker of this database,
 * wherever it runs, and through deployments (docs/decisions/0243).
 */
import type { ISql } from "postgres";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";
import { storableText } from "../client/storable-text.ts";

export interface Pause {
  readonly since: Date;
  readonly reason: string | undefined;
}

const MOST_REASON_CHARACTERS = 500;

/** Undefined: claims go on. One row by primary key. */
export async function readPause(sql: ISql): Promise<Pause | undefined> {
  const [row] = await sql<{ paused_at: Date | null; pause_reason: string | null }[]>`
    select paused_at, pause_reason from slabmend.fleet`;
  if (row === undefined || row.paused_at === null) return undefined;
  return { since: row.paused_at, reason: row.pause_reason ?? undefined };
}

/** Returns false when it was paused before; the first reason stays. */
export async function pauseClaims(sql: ISql, reason: string | undefined): Promise<boolean> {
  const text = reason === undefined ? null : storableText(reason, MOST_REASON_CHARACTERS);
  const pause = () => sql`
    update slabmend.fleet set mode = 'paused', mode_owner = 'test', mode_since = clock_timestamp(), pause_reason = ${text}
    where paused_at is null returning 1`;
  const rows = await retryTransaction("pause claims", async () => await pause(), ONLY_CONFLICTS);
  return rows.length > 0;
}

/** Returns false when it was not paused. */
export async function resumeClaims(sql: ISql): Promise<boolean> {
  const resume = () => sql`
    update slabmend.fleet set mode = 'running', mode_owner = null, mode_since = null, pause_reason = null where paused_at is not null returning 1`;
  const rows = await retryTransaction("resume claims", async () => await resume(), ONLY_CONFLICTS);
  return rows.length > 0;
}
