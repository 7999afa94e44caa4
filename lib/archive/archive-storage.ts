/** The manifest as it was read, and what names this version of it. */
export interface StoredHead {
  readonly bytes: Uint8Array;
  readonly version: string;
}

/**
 * Where an archive lies: a directory or a part of a bucket. Files are never replaced, except the one manifest.
 *
 * Every method throws an {@link ArchiveError} `archive-unavailable` when the place cannot be used, and stops at the signal.
 */
export interface ArchiveStorage {
  /** As messages name it. */
  readonly place: string;
  /** Undefined: there is no such file. */
  read(key: string, signal: AbortSignal): Promise<Uint8Array | undefined>;
  /** Writes a new file, all of it or nothing. False: it exists already, and is unchanged. */
  create(key: string, bytes: Uint8Array, signal: AbortSignal): Promise<boolean>;
  /** Undefined: nothing was archived here yet. */
  readHead(signal: AbortSignal): Promise<StoredHead | undefined>;
  /**
   * Replaces the manifest if it still is the version that was read (compare and set).
   * @param version undefined: there was none
   * @returns false: another process was first
   */
  replaceHead(bytes: Uint8Array, version: string | undefined, signal: AbortSignal): Promise<boolean>;
}

/** A segment has at most 8 MiB of moves and 2,000 rows besides; what is larger was not written by us. */
export const MOST_FILE_BYTES = 64 * 2 ** 20;
