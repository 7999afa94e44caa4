import type { ISql } from "postgres";
import type { HostKey, LeaseToken } from "../../slab/ids.ts";

export interface JournalEntry {
  readonly outcome: string;
  readonly reportedOutcome: string;
  /** A stable code. */
  readonly error: string | undefined;
  /** Hosts by public key; `from` is null if the sector was lost. */
  readonly moves: readonly {
    readonly index: number;
    readonly root: string;
    readonly from: HostKey | null;
    readonly to: HostKey;
    readonly how: "copied" | "rebuilt" | "found";
  }[];
  readonly lost: readonly { readonly root: string; readonly host: HostKey }[];
  readonly dropped: readonly { readonly index: number; readonly why: string }[];
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly hastings: bigint;
  readonly phasesMs: Readonly<Record<string, number>>;
}

/** The finished repair of this token, read by the journal's unique index; undefined: the repair has not finished. */
export async function readJournalEntry(sql: ISql, token: LeaseToken): Promise<JournalEntry | undefined> {
  const [row] = await sql<
    (Pick<JournalEntry, "outcome" | "moves" | "lost" | "dropped"> & {
      reported_outcome: string;
      error: string | null;
      bytes_read: string;
      bytes_written: string;
      hastings: string;
      phases_ms: Record<string, number>;
    })[]
  >`
    select outcome, reported_outcome, error, moves, lost, dropped, bytes_read::text, bytes_written::text,
      hastings::text, phases_ms
    from slabmend.journal where token = ${token}::uuid`;
  if (row === undefined) return undefined;
  const { outcome, moves, lost, dropped } = row;
  return {
    outcome,
    reportedOutcome: row.reported_outcome,
    error: row.error ?? undefined,
    moves,
    lost,
    dropped,
    bytesRead: Number(row.bytes_read),
    bytesWritten: Number(row.bytes_written),
    hastings: BigInt(row.hastings),
    phasesMs: row.phases_ms,
  };
}
