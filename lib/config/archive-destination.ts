/** Where the journal is archived. */
export type ArchiveDestination =
  | { readonly kind: "directory"; readonly path: string }
  /** `prefix` has no slash at either end and may be empty. */
  | { readonly kind: "bucket"; readonly bucket: string; readonly prefix: string };

/** Completes the sentence "expected …". */
export const ARCHIVE_EXPECTED = "none, the absolute path of a directory, or s3://BUCKET/PREFIX";

/** AWS's rules for bucket names; for the prefix, characters that never need encoding. */
const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._/-]{0,900}))?$/;
/** An absolute path without a component `..`. */
const DIRECTORY = /^\/(?!.*(?:^|\/)\.\.(?:\/|$))[^\0\r\n]{1,1000}$/;

/** Undefined if the text is neither a path nor an S3 URL. */
export function readArchiveDestination(text: string): ArchiveDestination | undefined {
  const [matched, bucket, prefix = ""] = BUCKET.exec(text) ?? [];
  if (matched !== undefined && bucket !== undefined) {
    return { kind: "bucket", bucket, prefix: prefix.replace(/^\/+|\/+$/g, "") };
  }
  return DIRECTORY.test(text) ? { kind: "directory", path: text } : undefined;
}
