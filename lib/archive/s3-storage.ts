/**
 * An archive in an S3 bucket. Files are created with `If-None-Match: *` and the manifest is replaced with `If-Match`,
 * so that of two concurrent processes one succeeds, and the other learns that it did not.
 */
import {
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { ArchiveError, altered, unavailable } from "./archive-error.ts";
import { type ArchiveStorage, MOST_FILE_BYTES } from "./archive-storage.ts";
import { MANIFEST_KEY } from "./manifest.ts";

/**
 * Time limit for one attempt; there are two attempts. By default the SDK waits forever. With `requestTimeout` alone it
 * only prints a warning after this time; with `throwOnRequestTimeout` too, the attempt fails.
 */
const ANSWER_MS = 5_000;
const CONNECT_MS = 2_000;

/** @param settings endpoint, region and credentials, if the SDK should not find them by itself */
export function createS3Client(settings: S3ClientConfig = {}): S3Client {
  return new S3Client({
    maxAttempts: 2,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: ANSWER_MS, throwOnRequestTimeout: true },
    ...settings,
  });
}

export function createS3Storage(options: {
  readonly client: S3Client;
  readonly bucket: string;
  /** Empty, or without a slash at its end. */
  readonly prefix: string;
}): ArchiveStorage {
  const { client, bucket, prefix } = options;
  const place = `s3://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
  const keyOf = (key: string): string => (prefix === "" ? key : `${prefix}/${key}`);

  const get = async (key: string, abortSignal: AbortSignal) => {
    try {
      const command = new GetObjectCommand({ Bucket: bucket, Key: keyOf(key) });
      const answer = await client.send(command, { abortSignal });
      if ((answer.ContentLength ?? 0) > MOST_FILE_BYTES) {
        throw altered(key, `at most ${MOST_FILE_BYTES} bytes`, String(answer.ContentLength));
      }
      const bytes = await answer.Body!.transformToByteArray();
      return { bytes, version: answer.ETag ?? "" };
    } catch (cause) {
      if (isNamed(cause, "NoSuchKey")) return undefined;
      throw cause instanceof ArchiveError ? cause : unavailable(place, `read ${key}`, cause);
    }
  };
  /** False: the condition did not hold. */
  const put = async (
    key: string,
    bytes: Uint8Array,
    condition: { readonly IfNoneMatch: "*" } | { readonly IfMatch: string },
    abortSignal: AbortSignal,
  ): Promise<boolean> => {
    try {
      const object = { Bucket: bucket, Key: keyOf(key), Body: bytes, ...condition };
      await client.send(new PutObjectCommand(object), { abortSignal });
      return true;
    } catch (cause) {
      // ConditionalRequestConflict: another process is writing the object at this moment. NoSuchKey: the object no
      // longer exists.
      if (isNamed(cause, "PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")) return false;
      throw unavailable(place, `write ${key}`, cause);
    }
  };
  return {
    place,
    read: async (key, signal) => (await get(key, signal))?.bytes,
    create: (key, bytes, signal) => put(key, bytes, { IfNoneMatch: "*" }, signal),
    readHead: (signal) => get(MANIFEST_KEY, signal),
    replaceHead: (bytes, version, signal) =>
      put(MANIFEST_KEY, bytes, version === undefined ? { IfNoneMatch: "*" } : { IfMatch: version }, signal),
  };
}

function isNamed(error: unknown, ...names: readonly string[]): boolean {
  return error instanceof S3ServiceException && names.includes(error.name);
}
