/** The step `records`: stores the archive's moves since the backup in a table. */
import { verifyArchive } from "../../archive/read-archive.ts";
import type { JournalRow } from "../../database/journal/read-journal-rows.ts";
import {
  ALL_MOVES_MS,
  assignSharedMoves,
  countRestoredMoves,
  keepRestoredMoves,
  type RestoredMove,
} from "../../database/restore/restored-moves.ts";
import { parseHostKey, parseRoot } from "../../slab/ids.ts";
import { MaintenanceError } from "../maintenance/advance-run.ts";
import type { RunContext } from "../maintenance/maintenance-job.ts";
import { type Page, type RestoreDependencies, writerOf } from "./restore-page.ts";
import { restoreScopeOf, restoreStatisticsOf } from "./restore-run.ts";

const ROWS_A_PAGE = 2_000;

/**
 * Reads in one call all rows of the archive that were recorded after the backup: the order of rows is known only within
 * one complete pass from the archive's beginning. A repeated call is harmless: of several rows that name a sector, the
 * last in the archive's order counts.
 */
export async function readRecords(deps: RestoreDependencies, context: RunContext): Promise<Page> {
  const { archive } = deps;
  const { ask, run, signal } = context;
  const statistics = restoreStatisticsOf(run);
  const scope = restoreScopeOf(run).archive;
  if (scope === null) return { statistics };
  if (archive === undefined || archive.place !== scope.place) throw otherArchive(scope.place, archive?.place);
  const { walletHash } = scope;
  const after = scope.after ?? undefined;
  const verified = await verifyArchive(
    archive,
    { walletHash, ...(after === undefined ? {} : { after }) },
    signal,
  );
  let rows = 0;
  let kept = new Map<string, RestoredMove>();
  const keep = async (): Promise<void> => {
    const moves = [...kept.values()];
    kept = new Map();
    if (moves.length === 0) return;
    await ask((sql) => keepRestoredMoves(sql, writerOf(deps, context), moves), { isIdempotent: true });
  };
  for await (const row of verified.rows()) {
    for (const move of movesOf(row)) kept.set(move.root, move);
    rows += 1;
    if (rows % ROWS_A_PAGE === 0) await keep();
  }
  await keep();
  const options = { isIdempotent: true, limitMs: ALL_MOVES_MS };
  const { sectors: sectorsNamed, ...unknown } = await ask(countRestoredMoves, options);
  await ask((sql) => assignSharedMoves(sql, writerOf(deps, context)), options);
  return {
    statistics: { ...statistics, recordsRead: rows, sectorsNamed, ...unknown },
  };
}

/** A sector that a row names both as lost and as moved counts as moved. */
function movesOf({ digest, moves, lost }: JournalRow): readonly RestoredMove[] {
  const moved = moves as readonly { readonly root: string; readonly to: string }[];
  const denied = lost as readonly { readonly root: string }[];
  return [
    ...denied.map(({ root }) => ({ root: parseRoot(root), digest, hostKey: null })),
    ...moved.map(({ root, to }) => ({ root: parseRoot(root), digest, hostKey: parseHostKey(to) })),
  ];
}

function otherArchive(expected: string, got: string | undefined): MaintenanceError {
  return new MaintenanceError({
    code: "other-archive",
    message: `restore: expected the archive ${expected}, got ${got ?? "none"}`,
    remedy:
      "Set SLABMEND_ARCHIVE to the archive with which the run was started, and start the restore again.",
  });
}
