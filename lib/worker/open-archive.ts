import type { ArchiveStorage } from "../archive/archive-storage.ts";
import { createDirectoryStorage } from "../archive/directory-storage.ts";
import type { Clock } from "../clock/clock.ts";
import type { ArchiveDestination } from "../config/archive-destination.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import { type ArchiveReport, type ArchiveStep, followArchive } from "../jobs/journal/follow-archive.ts";
import type { Logger } from "../telemetry/logger.ts";

export interface ArchiveJob {
  /**
   * Does one run of the follower, see {@link followArchive}, and logs the run's result. Does nothing while a read or
   * write of an earlier run hangs: on a disk that hangs, each run would occupy one of the four threads that Node.js
   * also needs to resolve names. Never throws.
   */
  follow(ask: Ask, limitMs: number): Promise<ArchiveReport>;
  close(): void;
}

/**
 * The archive of the journal as a job that runs with reap. Undefined: no archive is configured. S3's SDK is loaded only
 * for a bucket.
 * @param variables the environment, for S3's endpoint; the SDK itself finds region and credentials
 */
export async function openArchive(options: {
  readonly destination: ArchiveDestination | undefined;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly step?: (name: ArchiveStep) => void | Promise<void>;
}): Promise<ArchiveJob | undefined> {
  const { destination, variables, clock, logger, step } = options;
  if (destination === undefined) return undefined;
  const { storage, close } = await openStorage(destination, variables);
  let isHanging = false;
  return {
    async follow(ask, limitMs) {
      if (isHanging) {
        logger.warn(
          { archive: storage.place },
          "nothing is archived now: the archive has not yet answered a request of an earlier run",
        );
        return { segments: 0, rows: 0, stopped: undefined };
      }
      const deps = { ask, storage, clock, ...(step === undefined ? {} : { step }) };
      const report = await followArchive(deps, limitMs);
      const { segments, rows, stopped, hanging } = report;
      if (hanging !== undefined) {
        isHanging = true;
        const end = (): void => {
          isHanging = false;
        };
        hanging.then(end, end);
      }
      if (stopped !== undefined) logger.error({ error: stopped }, "the journal could not be archived");
      else if (rows > 0) logger.info({ report: { segments, rows } }, "the journal was archived");
      return report;
    },
    close,
  };
}

/** The storage to which the journal is archived. */
export async function openStorage(
  destination: ArchiveDestination,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly storage: ArchiveStorage; readonly close: () => void }> {
  if (destination.kind === "directory") {
    return { storage: createDirectoryStorage(destination.path), close: () => {} };
  }
  const { createS3Client, createS3Storage } = await import("../archive/s3-storage.ts");
  // Self-hosted servers (MinIO, Ceph) rarely have a host name per bucket.
  const endpoint = variables["AWS_ENDPOINT_URL_S3"] ?? variables["AWS_ENDPOINT_URL"];
  const client = createS3Client(endpoint === undefined ? {} : { endpoint, forcePathStyle: true });
  return { storage: createS3Storage({ ...destination, client }), close: () => client.destroy() };
}
