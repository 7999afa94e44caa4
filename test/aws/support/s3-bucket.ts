/**
 * Creates a bucket on an endpoint for one test file, and finds a feature that the archive needs and the endpoint lacks.
 */
import { randomUUID } from "node:crypto";
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { createS3Client } from "../../../lib/archive/s3-storage.ts";
import { type AwsEndpoint, clientOptions } from "./endpoint.ts";

export interface Bucket {
  readonly client: S3Client;
  readonly name: string;
  remove(): Promise<void>;
}

export async function createBucket(endpoint: AwsEndpoint): Promise<Bucket> {
  const client = createS3Client({ ...clientOptions(endpoint), forcePathStyle: true });
  const name = `slabmend-test-${randomUUID()}`;
  // Without a location constraint a bucket can be created only in us-east-1.
  const { region } = endpoint;
  await client.send(
    new CreateBucketCommand({
      Bucket: name,
      ...(region === "us-east-1"
        ? {}
        : { CreateBucketConfiguration: { LocationConstraint: region as "eu-central-1" } }),
    }),
  );
  return {
    client,
    name,
    async remove() {
      for (;;) {
        const { Contents: objects = [] } = await client.send(new ListObjectsV2Command({ Bucket: name }));
        if (objects.length === 0) break;
        const Delete = { Objects: objects.map(({ Key }) => ({ Key: Key! })) };
        await client.send(new DeleteObjectsCommand({ Bucket: name, Delete }));
      }
      await client.send(new DeleteBucketCommand({ Bucket: name }));
      client.destroy();
    },
  };
}

/** Why the archive cannot be tested on the bucket's endpoint; undefined if it can. */
export async function findS3Gap({ client, name }: Bucket): Promise<string | undefined> {
  const put = async (condition: { IfNoneMatch?: "*"; IfMatch?: string }): Promise<string> =>
    await client.send(new PutObjectCommand({ Bucket: name, Key: "probe", Body: "x", ...condition })).then(
      () => "taken",
      (error: Error) => error.name,
    );
  await put({});
  const again = await put({ IfNoneMatch: "*" });
  if (again !== "PreconditionFailed") return `If-None-Match of what exists: ${again}`;
  const other = await put({ IfMatch: '"d41d8cd98f00b204e9800998ecf8427e"' });
  return other === "PreconditionFailed" ? undefined : `If-Match of another version: ${other}`;
}
