import type { ArchiveStorage } from "../archive/archive-storage.ts";
import { createDirectoryStorage } from "../archive/directory-storage.ts";
import type { Clock } from "../clock/clock.ts";
import type { ArchiveDestination } from "../config/archive-destination.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import { type ArchiveReport, type ArchiveStep, followArchive } from "../jobs/journal/follow-archive.ts";
import type { Logger } from "../telemetry/logger.ts";

export interface ArchiveJob {
  /** One run of the follower, see {@link followArchive}; says what it did. Never throws. */
  follow(ask: Ask, limitMs: number): Promise<ArchiveReport>;
  close(): void;
}

/**
 * The archive of the journal as a job beside reap. Undefined: none is configured. The SDK of S3 is loaded when a bucket is.
 * @param variables of the environment: endpoint, region and credentials are found by the SDK
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
  return {
    async follow(ask, limitMs) {
      const deps = { ask, storage, clock, ...(step === undefined ? {} : { step }) };
      const report = await followArchive(deps, limitMs);
      const { segments, rows, stopped } = report;
      if (stopped !== undefined) logger.error({ error: stopped }, "the journal is not archived");
      else if (rows > 0) logger.info({ report: { segments, rows } }, "the journal was archived");
      return report;
    },
    close,
  };
}

/** Where the journal is archived. */
export async function openStorage(
  destination: ArchiveDestination,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<{ readonly storage: ArchiveStorage; readonly close: () => void }> {
  if (destination.kind === "directory") {
    return { storage: createDirectoryStorage(destination.path), close: () => {} };
  }
  const { createS3Client, createS3Storage } = await import("../archive/s3-storage.ts");
  // Servers of one's own (MinIO, Ceph) rarely have a name for each bucket.
  const endpoint = variables["AWS_ENDPOINT_URL_S3"] ?? variables["AWS_ENDPOINT_URL"];
  const client = createS3Client(endpoint === undefined ? {} : { endpoint, forcePathStyle: true });
  return { storage: createS3Storage({ ...destination, client }), close: () => client.destroy() };
}
