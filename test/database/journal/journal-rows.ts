/** Inserts rows into the journal as commits do, without running a repair. */
import { randomBytes, randomUUID } from "node:crypto";
import type { ISql } from "postgres";

export interface SeededRow {
  readonly outcome?: string;
  readonly error?: string | null;
  readonly moves?: readonly object[];
  readonly lost?: readonly object[];
  readonly dropped?: readonly object[];
  readonly hastings?: bigint;
  readonly bytesRead?: number;
  /** Before now; default 0. */
  readonly ageSeconds?: number;
  /** Default 10. */
  readonly seconds?: number;
}

export const hex32 = (): string => randomBytes(32).toString("hex");

/** @returns their tokens */
export async function seedJournal(sql: ISql, rows: readonly SeededRow[]): Promise<string[]> {
  const tokens: string[] = [];
  for (const row of rows) {
    const token = randomUUID();
    const { ageSeconds = 0, seconds = 10 } = row;
    await sql`
      insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, error, moves, lost, dropped,
        bytes_read, bytes_written, hastings, phases_ms, worker, leased_at, began_at, finished_at)
      select ${token}, 1, ${randomBytes(32)}, ${row.outcome ?? "repaired"}, ${row.outcome ?? "repaired"},
        ${row.error ?? null}::text, ${JSON.stringify(row.moves ?? [])}::text::jsonb,
        ${JSON.stringify(row.lost ?? [])}::text::jsonb, ${JSON.stringify(row.dropped ?? [])}::text::jsonb,
        ${row.bytesRead ?? 1_000}::bigint, 100, ${String(row.hastings ?? 10n)}::numeric, '{"copy": 12.5}', 'worker-1',
        t - make_interval(secs => ${seconds}), t - make_interval(secs => ${seconds}), t
      from (select clock_timestamp() - make_interval(secs => ${ageSeconds}) as t) ended`;
    tokens.push(token);
  }
  return tokens;
}

/** Position and token of each row of the journal that has a position, ordered by position. */
export async function readStream(sql: ISql): Promise<{ position: number; token: string }[]> {
  const rows = await sql<{ position: string; token: string }[]>`
    select position::text, token::text from slabmend.journal where position is not null order by journal.position`;
  return rows.map(({ position, token }) => ({ position: Number(position), token }));
}
