import type { Checkpoint } from "../database/journal/followers.ts";
import { ArchiveError, altered, missing } from "./archive-error.ts";
import { MANIFEST_KEY, type Manifest } from "./manifest.ts";

/** The relation between an archive and its follower's checkpoint. */
export type HeadVerdict =
  /** The archive ends at the checkpoint: write the next segment. */
  | { readonly kind: "in-step" }
  /**
   * The archive has one segment more than the checkpoint says, as after a crash before the checkpoint moved. If the
   * segment's rows are those of the database, the checkpoint moves; otherwise the database was rewound.
   */
  | { readonly kind: "one-ahead" }
  /**
   * The database was restored or moved after the archive's last segment was written. The restore or move is recorded:
   * the journal continues in a later incarnation.
   */
  | { readonly kind: "later-incarnation" }
  | { readonly kind: "refused"; readonly error: ArchiveError };

/** Pure. */
export function judgeHead(
  checkpoint: Checkpoint,
  manifest: Manifest | undefined,
  database: { readonly incarnation: number; readonly place: string },
): HeadVerdict {
  const { position, segment } = checkpoint;
  if (manifest === undefined) {
    if (segment === undefined) return { kind: "in-step" };
    return { kind: "refused", error: missing(database.place, MANIFEST_KEY) };
  }
  if (manifest.segment.sha256 === segment) return { kind: "in-step" };
  if (manifest.incarnation < database.incarnation && manifest.position >= position) {
    return { kind: "later-incarnation" };
  }
  if (manifest.incarnation > database.incarnation || manifest.position > position) {
    const isOneAhead = manifest.incarnation === database.incarnation && manifest.previous?.sha256 === segment;
    return isOneAhead ? { kind: "one-ahead" } : { kind: "refused", error: rewound(manifest, checkpoint) };
  }
  const archived = `${manifest.incarnation}/${manifest.position}`;
  return {
    kind: "refused",
    error: altered(
      MANIFEST_KEY,
      `the segment that was written up to position ${position}`,
      `a segment up to ${archived}`,
    ),
  };
}

export function rewound(
  archive: { readonly incarnation: number; readonly position: number },
  { position }: Pick<Checkpoint, "position">,
): ArchiveError {
  return new ArchiveError({
    code: "archive-rewound",
    message: `the archive: expected only rows that this database wrote, up to position ${position}, got rows up to ${archive.incarnation}/${archive.position} that the database does not have`,
    remedy:
      "This database was restored from a backup, or is a copy of the archiving database. Find out which of the two is true before you let slabmend repair: docs/runbook.md#archive-stopped.",
    details: { position, archived: archive.position, incarnation: archive.incarnation },
  });
}
