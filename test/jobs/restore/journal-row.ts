/** Makes archives without a database. Benchmarks use this file too, so nothing here needs vitest. */
import type { ArchiveStorage } from "../../../lib/archive/archive-storage.ts";
import { encodeManifest, manifestOf } from "../../../lib/archive/manifest.ts";
import { encodeSegment } from "../../../lib/archive/segment.ts";
import type { JournalRow } from "../../../lib/database/journal/read-journal-rows.ts";

const never = new AbortController().signal;

/** An archived repair. */
export function journalRow(
  slab: { readonly id: bigint; readonly digest: string },
  position: number,
  moves: readonly object[],
  lost: readonly object[] = [],
): JournalRow {
  const at = "2026-11-30T08:00:00.000000Z";
  return {
    incarnation: 1,
    position,
    token: `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`,
    kind: "repair",
    slabId: String(slab.id),
    digest: slab.digest,
    outcome: "repaired",
    reportedOutcome: "repaired",
    error: null,
    moves,
    lost,
    dropped: [],
    bytesRead: 0,
    bytesWritten: 0,
    hastings: "0",
    phasesMs: {},
    worker: "w",
    leasedAt: at,
    beganAt: at,
    finishedAt: at,
  };
}

/** Writes an archive of one segment. */
export async function writeArchive(
  storage: ArchiveStorage,
  rows: readonly JournalRow[],
  walletHash: string,
): Promise<void> {
  const segment = encodeSegment(rows, { walletHash, previous: null });
  await storage.create(segment.ref.key, segment.file, never);
  await storage.replaceHead(encodeManifest(manifestOf(segment)), undefined, never);
}
