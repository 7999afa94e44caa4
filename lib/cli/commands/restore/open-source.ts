import { missing } from "../../../archive/archive-error.ts";
import type { ArchiveStorage } from "../../../archive/archive-storage.ts";
import { decodeManifest, MANIFEST_KEY } from "../../../archive/manifest.ts";
import type { RestoreState } from "../../../database/restore/restore-reads.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import type { RestoreScope } from "../../../jobs/restore/restore-run.ts";

/** `auto`: the archive if one is configured, else hosts alone. */
export type RestoreSource = "auto" | "archive" | "hosts";

/**
 * What the run will read of the archive, after a look at its manifest: whose it is, and whether it reaches as far as the backup.
 * @throws {ArchiveError} it is missing, altered or of another indexer
 */
export async function chooseSource(
  source: RestoreSource,
  storage: ArchiveStorage | undefined,
  state: RestoreState,
  signal: AbortSignal,
): Promise<RestoreScope["archive"]> {
  if (source === "hosts" || (source === "auto" && storage === undefined)) return null;
  if (storage === undefined) {
    throw new OperatorError({
      code: "variable-missing",
      message: "restore --source archive: expected SLABMEND_ARCHIVE to be set, got nothing",
      remedy: "Set it as reap had it, or take --source hosts.",
    });
  }
  const walletHash = state.walletHash!;
  const head = await storage.readHead(signal);
  if (head === undefined) throw missing(storage.place, MANIFEST_KEY);
  const { incarnation, position } = decodeManifest(head.bytes, walletHash);
  const after = state.archived === null ? null : { incarnation: state.incarnation, position: state.archived };
  if (
    after !== null &&
    (incarnation < after.incarnation || (incarnation === after.incarnation && position < after.position))
  ) {
    throw new OperatorError({
      code: "archive-behind",
      message: `archive ${storage.place}: expected it to reach ${after.incarnation}/${after.position}, which the database had archived, got ${incarnation}/${position}`,
      remedy: "It is an older copy of the archive. Find the latest one, or take --source hosts.",
    });
  }
  return { place: storage.place, walletHash, after, end: { incarnation, position } };
}
