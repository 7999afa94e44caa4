import * as v from "valibot";
import { ofAnotherIndexer } from "./archive-error.ts";
import { parse, SEGMENT_REF, type Segment, type SegmentRef } from "./segment.ts";

/** The manifest says where an archive ends. It is the archive's only file that is replaced. */
export interface Manifest {
  readonly format: 1;
  /** Identifies the indexer: global_settings.wallet_hash, in hex. */
  readonly walletHash: string;
  /** Incarnation and position of the archive's last row. */
  readonly incarnation: number;
  readonly position: number;
  /** The last segment and, as `previous`, the one before it. */
  readonly segment: SegmentRef;
  readonly previous: SegmentRef | null;
}

export const MANIFEST_KEY = "manifest.json";

const MANIFEST = v.object({
  format: v.literal(1),
  walletHash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  incarnation: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  position: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  segment: SEGMENT_REF,
  previous: v.nullable(SEGMENT_REF),
}) satisfies v.GenericSchema<unknown, Manifest>;

export function manifestOf({ header, ref }: Segment): Manifest {
  const { walletHash, incarnation, to, previous } = header;
  return { format: 1, walletHash, incarnation, position: to, segment: ref, previous };
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
}

/** @throws {ArchiveError} `archive-altered` or `archive-of-another-indexer` */
export function decodeManifest(bytes: Uint8Array, walletHash: string): Manifest {
  const manifest = parse(MANIFEST_KEY, MANIFEST, Buffer.from(bytes).toString("utf8"), "a manifest");
  if (manifest.walletHash !== walletHash) throw ofAnotherIndexer(MANIFEST_KEY);
  return manifest;
}
