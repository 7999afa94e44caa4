/** Where the archive of the journal goes. */
export type ArchiveDestination =
  | { readonly kind: "directory"; readonly path: string }
  /** `prefix` without slashes at its ends; it may be empty. */
  | { readonly kind: "bucket"; readonly bucket: string; readonly prefix: string };

/** Completes the sentence "expected …". */
export const ARCHIVE_EXPECTED = "none, the absolute path of a directory, or s3://BUCKET/PREFIX";

/** AWS's rules for names of buckets; characters of the prefix that need no encoding anywhere. */
const BUCKET = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._/-]{0,900}))?$/;
/** One step at a time, none of them `..`. */
const DIRECTORY = /^\/(?!.*(?:^|\/)\.\.(?:\/|$))[^\0\r\n]{1,1000}$/;

/** Undefined: it is neither. */
export function readArchiveDestination(text: string): ArchiveDestination | undefined {
  const [matched, bucket, prefix = ""] = BUCKET.exec(text) ?? [];
  if (matched !== undefined && bucket !== undefined) {
    return { kind: "bucket", bucket, prefix: prefix.replace(/^\/+|\/+$/g, "") };
  }
  return DIRECTORY.test(text) ? { kind: "directory", path: text } : undefined;
}
