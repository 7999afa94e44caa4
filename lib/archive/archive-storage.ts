/** The manifest as it was read, with the id of the version that was read. */
export interface StoredHead {
  readonly bytes: Uint8Array;
  readonly version: string;
}

/**
 * The place of an archive: a directory or a part of a bucket. Files are never replaced, except the single manifest.
 *
 * Every method throws an {@link ArchiveError} `archive-unavailable` if the place cannot be used, and stops when the
 * signal aborts.
 */
export interface ArchiveStorage {
  /** The place's name in messages. */
  readonly place: string;
  /** Undefined: the file does not exist. */
  read(key: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Writes a new file, completely or not at all. False: a file with this key already exists; it is not changed. */
  create(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean>;
  /** Undefined: nothing has been archived here yet. */
  readHead(signal: AbortSignal): Promise<StoredHead | undefined>;
  /**
   * Replaces the manifest if it is still the version that was read (compare and set).
   * @param version of the manifest that was read; undefined: no manifest was found
   * @returns false: another process has replaced the manifest since it was read
   */
  replaceHead(bytes: Uint8Array, version: string | undefined, signal: AbortSignal): Promise<boolean>;
}

/** Larger files are refused. slabmend never writes one: a segment has at most 8 MiB of moves and 2,000 rows. */
export const MOST_FILE_BYTES = 64 * 2 ** 20;
