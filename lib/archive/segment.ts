/**
 * A segment: some rows of the journal, all of one incarnation and without gaps, as gzipped NDJSON. Its first line, the
 * header, names the previous segment with its checksum. So the checksum of the last segment, stored in the manifest,
 * protects the whole archive. Checksums are those of the NDJSON, not of the gzip file, which another zlib may write
 * differently.
 */
import { createHash } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import * as v from "valibot";
import type { JournalRow } from "../database/journal/read-journal-rows.ts";
import { altered } from "./archive-error.ts";
import { MOST_FILE_BYTES } from "./archive-storage.ts";

/** The reference to a segment in its successor and in the manifest. */
export interface SegmentRef {
  readonly key: string;
  /** Checksum of the segment's NDJSON, in hex. */
  readonly sha256: string;
}

export interface SegmentHeader {
  readonly format: 1;
  readonly walletHash: string;
  readonly incarnation: number;
  /** First and last position. */
  readonly from: number;
  readonly to: number;
  /** Null: this is the archive's first segment. */
  readonly previous: SegmentRef | null;
}

export interface Segment {
  readonly header: SegmentHeader;
  readonly rows: readonly JournalRow[];
  readonly ref: SegmentRef;
}

/** Limit of a segment's uncompressed size: a corrupt file must not fill the memory. */
const MOST_CONTENT_BYTES = 4 * MOST_FILE_BYTES;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const place = v.pipe(v.number(), v.safeInteger(), v.minValue(1));
const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const digits = v.pipe(v.string(), v.regex(/^[0-9]{1,50}$/));
const time = v.pipe(v.string(), v.regex(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z$/));

export const SEGMENT_REF = v.object({
  key: v.pipe(v.string(), v.regex(/^segments\/[0-9]{6}\/[0-9]{16}\.ndjson\.gz$/)),
  sha256: hash,
});

const HEADER = v.object({
  format: v.literal(1),
  walletHash: hash,
  incarnation: place,
  from: place,
  to: place,
  previous: v.nullable(SEGMENT_REF),
}) satisfies v.GenericSchema<unknown, SegmentHeader>;

const HOST = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const ROW = v.object({
  incarnation: place,
  position: place,
  token: v.pipe(v.string(), v.uuid()),
  kind: v.string(),
  slabId: digits,
  digest: hash,
  outcome: v.string(),
  reportedOutcome: v.string(),
  error: v.nullable(v.string()),
  moves: v.array(
    v.object({
      index: count,
      root: hash,
      from: v.nullable(HOST),
      to: HOST,
      how: v.picklist(["copied", "rebuilt", "found"]),
    }),
  ),
  lost: v.array(v.object({ root: hash, host: HOST })),
  dropped: v.array(v.object({ index: count, why: v.string() })),
  bytesRead: count,
  bytesWritten: count,
  hastings: digits,
  phasesMs: v.record(v.string(), v.number()),
  worker: v.string(),
  leasedAt: time,
  beganAt: time,
  finishedAt: time,
}) satisfies v.GenericSchema<unknown, JournalRow>;

/**
 * The key depends only on the position of the first row, so two processes that archive the same row use the same key,
 * and only one of them succeeds.
 */
export function segmentKey(incarnation: number, from: number): string {
  return `segments/${String(incarnation).padStart(6, "0")}/${String(from).padStart(16, "0")}.ndjson.gz`;
}

/** @param rows at least one; of one incarnation, without a gap */
export function encodeSegment(
  rows: readonly JournalRow[],
  { walletHash, previous }: Pick<SegmentHeader, "walletHash" | "previous">,
): Segment & { readonly file: Uint8Array } {
  const { incarnation, position: from } = rows[0]!;
  const header = { format: 1, walletHash, incarnation, from, to: rows.at(-1)!.position, previous } as const;
  const content = Buffer.from([header, ...rows].map((line) => `${JSON.stringify(line)}\n`).join(""));
  const ref = { key: segmentKey(incarnation, from), sha256: sha256Of(content) };
  return { header, rows, ref, file: gzipSync(content) };
}

/**
 * Reads a segment and checks everything that can be checked without other files.
 * @param expected its checksum, if known
 * @throws {ArchiveError} `archive-altered`
 */
export function decodeSegment(key: string, file: Uint8Array, expected?: string): Segment {
  let content: Buffer;
  try {
    content = gunzipSync(file, { maxOutputLength: MOST_CONTENT_BYTES });
  } catch (cause) {
    throw altered(key, "a whole gzip file", `${file.length} bytes of something else`, cause);
  }
  const sha256 = sha256Of(content);
  if (expected !== undefined && sha256 !== expected) throw altered(key, `SHA-256 ${expected}`, sha256);
  const [first = "", ...lines] = content.toString("utf8").split("\n");
  if (lines.pop() !== "") throw altered(key, "a line break at the end", "none");
  const header = parse(key, HEADER, first, "a header");
  const rows = lines.map((line, index) => parse(key, ROW, line, `a row in line ${index + 2}`));
  const { incarnation, from, to } = header;
  if (segmentKey(incarnation, from) !== key)
    throw altered(key, "a first row at the position in its name", String(from));
  if (rows.length !== to - from + 1) {
    throw altered(key, `rows ${from} to ${to}`, `${rows.length} rows`);
  }
  for (const [index, row] of rows.entries()) {
    if (row.position !== from + index || row.incarnation !== incarnation) {
      throw altered(key, `position ${incarnation}/${from + index}`, `${row.incarnation}/${row.position}`);
    }
  }
  return { header, rows, ref: { key, sha256 } };
}

/** @throws {ArchiveError} `archive-altered` */
export function parse<Output>(
  key: string,
  schema: v.GenericSchema<unknown, Output>,
  text: string,
  what: string,
): Output {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw altered(key, what, `${text.length} characters of something else`, cause);
  }
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw altered(key, what, `${v.getDotPath(issue) ?? "a value"} in an unknown form`);
}

function sha256Of(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
