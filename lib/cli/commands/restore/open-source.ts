import { ArchiveError, missing } from "../../../archive/archive-error.ts";
import type { ArchiveStorage } from "../../../archive/archive-storage.ts";
import { decodeManifest, MANIFEST_KEY } from "../../../archive/manifest.ts";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { readNetworkSnapshot } from "../../../database/indexd/network-snapshot.ts";
import type { RestoreState } from "../../../database/restore/restore-reads.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { mayHaveSectors } from "../../../jobs/restore/rank-hosts.ts";
import type { RestoreScope } from "../../../jobs/restore/restore-run.ts";

/** `auto`: the archive if one is configured, else a scan. */
export type RestoreSource = "auto" | "archive" | "scan";

interface Chosen {
  readonly source: RestoreSource;
  /** Undefined: {@link PROBES_A_SECTOR}. */
  readonly probes?: number;
  /** Undefined if no archive is configured. */
  readonly storage: ArchiveStorage | undefined;
  readonly signal: AbortSignal;
}

/**
 * Default number of requests per sector: one to the recorded host and, if that host lacks the sector, one to another
 * host.
 */
const PROBES_A_SECTOR = 2;

/**
 * Chooses the run's source: the part of the archive to read, or the extent of a scan.
 * @throws {ArchiveError} if the archive is missing, altered or belongs to another indexer
 */
export async function chooseSource(
  chosen: Chosen,
  ask: Ask,
  state: RestoreState,
): Promise<{ readonly scope: RestoreScope; readonly archivedIncarnation: number }> {
  const { source, probes, storage, signal } = chosen;
  const { contracts, sectors } = state;
  if (source === "scan" || (source === "auto" && storage === undefined)) {
    const options = { minHostDistanceKm: 0 };
    const network = await ask((sql) => readNetworkSnapshot(sql, options), { isIdempotent: true });
    const hosts = [...network.hosts.values()].filter(mayHaveSectors).length;
    const scan = { sectors, hosts, probes: probes ?? PROBES_A_SECTOR * sectors };
    const archivedIncarnation = await incarnationOf(storage, state, signal);
    return { scope: { archive: null, scan, contracts }, archivedIncarnation };
  }
  if (probes !== undefined) {
    throw new OperatorError({
      code: "bad-argument",
      message: "restore --probes: expected a scan, got the archive as the source",
      remedy: "Omit --probes, or add --source scan.",
    });
  }
  const archive = await openArchive(storage, state, signal);
  return { scope: { archive, scan: null, contracts }, archivedIncarnation: archive.end.incarnation };
}

/**
 * The incarnation of the configured archive; 0: no archive, or an unusable one. A scan does not read the archive, but
 * needs this number: after the restore, reap continues the archive in a later incarnation.
 */
async function incarnationOf(
  storage: ArchiveStorage | undefined,
  { walletHash }: RestoreState,
  signal: AbortSignal,
): Promise<number> {
  try {
    const head = await storage?.readHead(signal);
    return head === undefined ? 0 : decodeManifest(head.bytes, walletHash!).incarnation;
  } catch (error) {
    if (error instanceof ArchiveError && error.code !== "archive-unavailable") return 0;
    throw error;
  }
}

/**
 * Checks by the manifest that the archive belongs to this indexer, and that it contains all rows that were archived
 * before the backup.
 */
async function openArchive(
  storage: ArchiveStorage | undefined,
  state: RestoreState,
  signal: AbortSignal,
): Promise<NonNullable<RestoreScope["archive"]>> {
  if (storage === undefined) {
    throw new OperatorError({
      code: "variable-missing",
      message: "restore --source archive: expected SLABMEND_ARCHIVE to be set, got nothing",
      remedy: "Set it to the value that reap has, or use --source scan.",
    });
  }
  const walletHash = state.walletHash!;
  const head = await storage.readHead(signal);
  if (head === undefined) throw missing(storage.place, MANIFEST_KEY);
  const { incarnation, position } = decodeManifest(head.bytes, walletHash);
  const { archived, held } = state;
  if (
    archived !== null &&
    (incarnation < archived.incarnation ||
      (incarnation === archived.incarnation && position < archived.position))
  ) {
    throw new OperatorError({
      code: "archive-behind",
      message: `archive ${storage.place}: expected it to reach ${archived.incarnation}/${archived.position} (incarnation/position), which was archived before the backup, got ${incarnation}/${position}`,
      remedy: "It is an older copy of the archive. Find the latest one, or use --source scan.",
    });
  }
  // Until prunes are released, every restore reads from the position from which the first restore read. The archived
  // position in the database may be later than that: if a restore was interrupted, reap may have archived more rows
  // since then.
  const after = held === null ? archived : held.archived;
  return { place: storage.place, walletHash, after, end: { incarnation, position } };
}
