import type { IndexerNames } from "./names.ts";
import type { StageSettings } from "./settings.ts";

/** Where the indexer's journal is archived, and what reap may do there. */
export interface Archive {
  /** As `SLABMEND_ARCHIVE` of the function. */
  readonly place: $util.Input<string>;
  readonly bucketArn: $util.Input<string>;
  /** Of the archive's objects. */
  readonly objectsArn: $util.Input<string>;
}

/** Undefined: the journal is not archived. */
export function createArchive(names: IndexerNames, settings: StageSettings): Archive | undefined {
  const destination = settings.SLABMEND_ARCHIVE;
  switch (destination.kind) {
    case "none":
      return undefined;
    case "new": {
      const bucket = createBucket(names);
      return {
        place: $interpolate`s3://${bucket.bucket}`,
        bucketArn: bucket.arn,
        objectsArn: $interpolate`${bucket.arn}/*`,
      };
    }
    case "bucket": {
      const { bucket, prefix } = destination;
      const inBucket = prefix === "" ? bucket : `${bucket}/${prefix}`;
      return {
        place: `s3://${inBucket}`,
        bucketArn: `arn:aws:s3:::${bucket}`,
        objectsArn: `arn:aws:s3:::${inBucket}/*`,
      };
    }
  }
}

/**
 * Versions keep what was overwritten or deleted by mistake; nothing is public, nothing goes unencrypted. It stays when the stage
 * is removed: a restore needs it when everything else is gone.
 */
function createBucket(names: IndexerNames) {
  const stays = { retainOnDelete: true };
  const bucket = new aws.s3.Bucket(names.resource("Archive"), {}, stays);
  const of = { bucket: bucket.bucket };
  new aws.s3.BucketVersioning(
    names.resource("ArchiveVersioning"),
    { ...of, versioningConfiguration: { status: "Enabled" } },
    stays,
  );
  new aws.s3.BucketServerSideEncryptionConfiguration(
    names.resource("ArchiveEncryption"),
    { ...of, rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] },
    stays,
  );
  new aws.s3.BucketOwnershipControls(
    names.resource("ArchiveOwnership"),
    { ...of, rule: { objectOwnership: "BucketOwnerEnforced" } },
    stays,
  );
  const closed = new aws.s3.BucketPublicAccessBlock(
    names.resource("ArchiveAccess"),
    {
      ...of,
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    stays,
  );
  new aws.s3.BucketPolicy(
    names.resource("ArchivePolicy"),
    {
      ...of,
      policy: aws.iam.getPolicyDocumentOutput({
        statements: [
          {
            effect: "Deny",
            actions: ["s3:*"],
            resources: [bucket.arn, $interpolate`${bucket.arn}/*`],
            principals: [{ type: "*", identifiers: ["*"] }],
            conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
          },
        ],
      }).json,
    },
    { ...stays, dependsOn: [closed] },
  );
  return bucket;
}
