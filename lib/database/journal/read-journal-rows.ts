import type { ISql } from "postgres";
import { JournalError } from "./journal-error.ts";

/**
 * One row of the journal's stream as it is exported: as text and JSON, so that it does not depend on this release's
 * tables.
 */
export interface JournalRow {
  readonly incarnation: number;
  readonly position: number;
  readonly token: string;
  readonly kind: string;
  /** Decimal digits. */
  readonly slabId: string;
  readonly digest: string;
  readonly outcome: string;
  readonly reportedOutcome: string;
  readonly error: string | null;
  /** [{"index", "root", "from", "to", "how"}], hosts by public key; from is null if the sector was lost. */
  readonly moves: unknown;
  /** [{"root", "host"}] */
  readonly lost: unknown;
  /** [{"index", "why"}] */
  readonly dropped: unknown;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Decimal digits. */
  readonly hastings: string;
  readonly phasesMs: unknown;
  readonly worker: string;
  /** ISO 8601 in UTC, with microseconds. */
  readonly leasedAt: string;
  readonly beganAt: string;
  readonly finishedAt: string;
}

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'`;
const time = (column: string): string => `to_char(j.${column} at time zone 'UTC', ${TIME})`;

/**
 * The next rows after a position, all of one incarnation: at most `mostRows`, and no further row once the moves of the
 * returned rows have reached `mostBytes`. Reads by journal_position_idx.
 * @throws {JournalError} `journal-gap` if a row is missing: the one right after the position, or one between returned
 * rows
 */
export async function readJournalRows(
  sql: ISql,
  after: number,
  limits: { readonly mostRows: number; readonly mostBytes: number },
): Promise<JournalRow[]> {
  const rows = await sql<(Omit<JournalRow, "position" | "bytesRead" | "bytesWritten"> & Numbers)[]>`
    with next as materialized (
      select j.* from slabmend.journal j where j.position > ${after} order by j.position limit ${limits.mostRows}
    ), sized as (
      select j.*, sum(octet_length(j.moves::text)) over (order by j.position) - octet_length(j.moves::text) as bytes_before,
        first_value(j.incarnation) over (order by j.position) as first_incarnation
      from next j
    )
    select j.incarnation, j.position::text, j.token::text, j.kind, j.slab_id::text as "slabId",
      encode(j.digest, 'hex') as digest, j.outcome, j.reported_outcome as "reportedOutcome", j.error, j.moves, j.lost,
      j.dropped, j.bytes_read::text as "bytesRead", j.bytes_written::text as "bytesWritten", j.hastings::text,
      j.phases_ms as "phasesMs", j.worker, ${sql.unsafe(time("leased_at"))} as "leasedAt",
      ${sql.unsafe(time("began_at"))} as "beganAt", ${sql.unsafe(time("finished_at"))} as "finishedAt"
    from sized j
    where j.bytes_before < ${limits.mostBytes} and j.incarnation = j.first_incarnation
    order by j.position`;
  return rows.map((row, index) => {
    const position = Number(row.position);
    if (position !== after + 1 + index) throw gap(after + 1 + index, position);
    return { ...row, position, bytesRead: Number(row.bytesRead), bytesWritten: Number(row.bytesWritten) };
  });
}

interface Numbers {
  readonly position: string;
  readonly bytesRead: string;
  readonly bytesWritten: string;
}

function gap(expected: number, got: number): JournalError {
  return new JournalError({
    code: "journal-gap",
    message: `slabmend.journal: expected position ${expected} next, got ${got}`,
    remedy:
      "Rows were deleted before a follower had processed them. Start a new archive: docs/runbook.md#archive-stopped.",
    details: { expected, got },
  });
}
