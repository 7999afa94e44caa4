/**
 * Reads an archive for a restore. All requested segments are verified before the first row is returned: if
 * one is missing, truncated, altered, or of another indexer, no row is returned.
 */
import type { JournalRow } from "../database/journal/read-journal-rows.ts";
import { altered, missing, ofAnotherIndexer } from "./archive-error.ts";
import type { ArchiveStorage } from "./archive-storage.ts";
import { decodeManifest, MANIFEST_KEY } from "./manifest.ts";
import { decodeSegment, type Segment, type SegmentHeader, type SegmentRef } from "./segment.ts";

/** A position in the journal. */
export interface JournalPlace {
  readonly incarnation: number;
  readonly position: number;
}

export interface VerifiedArchive {
  /** The last row. */
  readonly end: JournalPlace;
  /** Number of segments with rows after the requested position. */
  readonly segments: number;
  /**
   * The rows after the requested position, in the order of the journal. Each segment is read again, and its checksum is
   * verified again.
   */
  rows(): AsyncGenerator<JournalRow>;
}

/**
 * Verifies the part of an archive after a position: its checksums, incarnations and indexer, and that each segment
 * continues the previous one. Uses some 200 bytes of memory per segment.
 *
 * @param walletHash of the expected indexer, in hex
 * @param after a position within the archive; undefined: its beginning
 * @throws {ArchiveError} `archive-missing`, `archive-altered`, `archive-of-another-indexer` or `archive-unavailable`
 */
export async function verifyArchive(
  storage: ArchiveStorage,
  { walletHash, after }: { readonly walletHash: string; readonly after?: JournalPlace },
  signal: AbortSignal,
): Promise<VerifiedArchive> {
  const head = await storage.readHead(signal);
  if (head === undefined) throw missing(storage.place, MANIFEST_KEY);
  const manifest = decodeManifest(head.bytes, walletHash);
  const { incarnation, position } = manifest;
  if (after !== undefined && isBefore(manifest, after)) {
    throw altered(MANIFEST_KEY, `at least ${name(after)}`, name(manifest));
  }
  const refs: SegmentRef[] = [];
  let next: SegmentHeader | undefined;
  let ref: SegmentRef | null = after !== undefined && !isBefore(after, manifest) ? null : manifest.segment;
  while (ref !== null) {
    const { header } = await readSegment(storage, ref, signal);
    if (header.walletHash !== walletHash) throw ofAnotherIndexer(ref.key);
    if (next === undefined && (header.incarnation !== incarnation || header.to !== position)) {
      throw altered(ref.key, `the end ${name(manifest)}`, `${header.incarnation}/${header.to}`);
    }
    if (next !== undefined) assertContinuous(header, next, ref.key);
    refs.push(ref);
    next = header;
    ref = after !== undefined && reaches(header, after) ? null : header.previous;
  }
  if (after !== undefined && next !== undefined && !reaches(next, after)) {
    throw altered(refs.at(-1)!.key, `an earlier segment that reaches back to ${name(after)}`, "none");
  }
  const inOrder = refs.toReversed();
  return {
    end: { incarnation, position },
    segments: inOrder.length,
    async *rows() {
      for (const each of inOrder) {
        for (const row of (await readSegment(storage, each, signal)).rows) {
          if (after === undefined || isBefore(after, row)) yield row;
        }
      }
    },
  };
}

/** @throws {ArchiveError} `archive-missing` or `archive-altered` */
export async function readSegment(
  storage: ArchiveStorage,
  ref: { readonly key: string; readonly sha256?: string },
  signal: AbortSignal,
): Promise<Segment> {
  const file = await storage.read(ref.key, signal);
  if (file === undefined) throw missing(storage.place, ref.key);
  return decodeSegment(ref.key, file, ref.sha256);
}

/**
 * Positions continue without gaps. A later incarnation may begin at an earlier position: that of the backup from which
 * the database was restored.
 */
function assertContinuous(header: SegmentHeader, next: SegmentHeader, key: string): void {
  const { incarnation, to } = header;
  const isContinuous =
    next.incarnation === incarnation
      ? next.from === to + 1
      : next.incarnation > incarnation && next.from <= to + 1;
  if (!isContinuous) {
    throw altered(
      key,
      `an end directly before ${next.incarnation}/${next.from}`,
      `the end ${incarnation}/${to}`,
    );
  }
}

/** Whether the row that follows the position `after` is in this segment or in a later one. */
const reaches = (header: SegmentHeader, after: JournalPlace): boolean =>
  isBefore({ incarnation: header.incarnation, position: header.from - 1 }, after) ||
  (header.incarnation === after.incarnation && header.from - 1 === after.position);

const isBefore = (a: JournalPlace, b: JournalPlace): boolean =>
  a.incarnation < b.incarnation || (a.incarnation === b.incarnation && a.position < b.position);

const name = ({ incarnation, position }: JournalPlace): string => `${incarnation}/${position}`;
