import type { ArchiveStorage } from "../../archive/archive-storage.ts";
import type { Manifest } from "../../archive/manifest.ts";
import { decodeSegment, type Segment, segmentKey } from "../../archive/segment.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { lastPositionOf } from "../../database/journal/incarnation.ts";
import { type JournalRow, readJournalRows } from "../../database/journal/read-journal-rows.ts";

export interface ArchivedRows {
  /** The archive already has the database's rows up to this position. */
  readonly position: number;
  /**
   * The database's next rows have positions at which the archive has other rows: they were recorded after the database
   * had been rewound, and before its incarnation was raised.
   */
  readonly isDiverged: boolean;
}

/**
 * Finds out, after the incarnation was raised, which rows after the follower's position are in the archive already. The
 * archive is read from that position on: the name of a segment is the place of its first row.
 * @param limits those with which segments are made
 */
export async function findArchivedRows(
  { ask, storage }: { readonly ask: Ask; readonly storage: ArchiveStorage },
  after: number,
  archived: Pick<Manifest, "incarnation" | "position">,
  limits: { readonly mostRows: number; readonly mostBytes: number },
  signal: AbortSignal,
): Promise<ArchivedRows> {
  for (let position = after; ; ) {
    const at = position;
    const rows = await ask((sql) => readJournalRows(sql, at, limits));
    const incarnation = rows[0]?.incarnation ?? Number.POSITIVE_INFINITY;
    const isPast = incarnation === archived.incarnation && position >= archived.position;
    if (incarnation > archived.incarnation || isPast) return { position, isDiverged: false };
    const key = segmentKey(incarnation, position + 1);
    const file = await storage.read(key, signal);
    if (file === undefined) {
      // No segment begins here, because the follower joined anew. The rows count as archived, as far as the archive reaches.
      const range = { position, archived: archived.position };
      const last = await ask((sql) => lastPositionOf(sql, archived.incarnation, range));
      return { position: last, isDiverged: false };
    }
    const segment = decodeSegment(key, file);
    const same = countSame(segment, rows);
    position += same;
    if (same < Math.min(rows.length, segment.rows.length)) return { position, isDiverged: true };
  }
}

/** How many rows are the same from the beginning. A rewound database gives the same positions to rows with other random tokens. */
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
