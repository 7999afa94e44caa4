import type { IndexerNames } from "./names.ts";
import type { StageSettings } from "./settings.ts";

/** The archive of the indexer's journal, with the ARNs that reap's permissions name. */
export interface Archive {
  /** The function's `SLABMEND_ARCHIVE`. */
  readonly place: $util.Input<string>;
  readonly bucketArn: $util.Input<string>;
  /** ARN of the archive's objects. */
  readonly objectsArn: $util.Input<string>;
}

/** Undefined if the journal is not archived. */
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
 * The bucket is versioned, against accidental overwriting and deletion; it is not public, and allows only encrypted
 * transfers. The bucket is kept when the stage is removed, because a restore needs the archive when everything else is
 * lost.
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
