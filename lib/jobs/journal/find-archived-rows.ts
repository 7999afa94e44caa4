import type { ArchiveStorage } from "../../archive/archive-storage.ts";
import type { Manifest } from "../../archive/manifest.ts";
import { decodeSegment, type Segment, segmentKey } from "../../archive/segment.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import type { Checkpoint } from "../../database/journal/followers.ts";
import { lastPositionOf } from "../../database/journal/incarnation.ts";
import { type JournalRow, readJournalRows } from "../../database/journal/read-journal-rows.ts";

export type ArchivedRows =
  /** The database has all rows of the archive's next segment. Later segments may have further rows of the database. */
  | { readonly kind: "segment"; readonly segment: Segment }
  /**
   * The database has the segment's rows up to this position, and not its next row. Later segments may have the
   * database's next rows, which then belong to a later incarnation.
   */
  | { readonly kind: "part"; readonly segment: Segment; readonly position: number }
  /** The archive has the database's rows up to this position, and none of the database's later rows. */
  | { readonly kind: "end"; readonly position: number }
  /**
   * The same, but the database's next row must get the present incarnation: it was recorded after the database had been
   * rewound, and before its incarnation was raised. The archive may have another row at its position.
   */
  | { readonly kind: "diverged"; readonly position: number };

/**
 * Finds out, after the incarnation was raised, which rows after the follower's position are in the archive already. A
 * segment's name contains the incarnation and position of its first row, so the segment that begins after the
 * follower's position can be read directly. Each call reads one segment.
 * @param archived where the archive ends
 */
export async function findArchivedRows(
  { ask, storage }: { readonly ask: Ask; readonly storage: ArchiveStorage },
  { position, segment: followed }: Checkpoint,
  archived: Pick<Manifest, "incarnation" | "position">,
  signal: AbortSignal,
): Promise<ArchivedRows> {
  const read = (mostRows: number): Promise<JournalRow[]> =>
    ask((sql) => readJournalRows(sql, position, { mostRows, mostBytes: Number.MAX_SAFE_INTEGER }));
  const [next] = await read(1);
  const isPast = next?.incarnation === archived.incarnation && position >= archived.position;
  if (next === undefined || next.incarnation > archived.incarnation || isPast)
    return { kind: "end", position };
  const key = segmentKey(next.incarnation, next.position);
  const file = await storage.read(key, signal);
  if (file === undefined) {
    // This follower has archived up to here: if the archive had the next row, a segment would begin with it.
    if (followed !== undefined) return { kind: "diverged", position };
    // The follower joined anew, in the middle of a segment. So no rows can be compared: all rows up to the archive's
    // end count as archived.
    const range = { position, archived: archived.position };
    return { kind: "end", position: await ask((sql) => lastPositionOf(sql, archived.incarnation, range)) };
  }
  const segment = decodeSegment(key, file);
  const rows = await read(segment.rows.length);
  const same = countSame(segment, rows);
  if (same === segment.rows.length) return { kind: "segment", segment };
  if (same < rows.length) return { kind: "diverged", position: position + same };
  return same === 0 ? { kind: "end", position } : { kind: "part", segment, position: position + same };
}

/**
 * How many rows, from the first on, are the same in both. A row recorded after a rewind may have the position of an
 * archived row, but it has another random token.
 */
export function countSame({ rows: archived }: Pick<Segment, "rows">, rows: readonly JournalRow[]): number {
  const differs = archived.findIndex((row, index) => {
    const other = rows[index];
    return (
      other === undefined ||
      other.token !== row.token ||
      other.position !== row.position ||
      other.incarnation !== row.incarnation
    );
  });
  return differs === -1 ? archived.length : differs;
}
