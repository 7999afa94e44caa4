/** The archive of the journal in a bucket, on every endpoint that has conditional writes. */
import { DeleteObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { ArchiveStorage } from "../../lib/archive/archive-storage.ts";
import { createS3Storage } from "../../lib/archive/s3-storage.ts";
import type { ArchiveStep } from "../../lib/jobs/journal/follow-archive.ts";
import { seedJournal } from "../database/journal/journal-rows.ts";
import { archive, archivedTokens, never, setWallet } from "../jobs/journal/archive-fixture.ts";
import { useDatabase } from "../support/database.ts";
import { chosenEndpoints, describeEndpoints } from "./support/chosen-endpoints.ts";
import type { AwsEndpoint } from "./support/endpoint.ts";
import { type Bucket, createBucket, findS3Gap } from "./support/s3-bucket.ts";

const some = (count: number): object[] => Array.from({ length: count }, () => ({}));

describeEndpoints(chosenEndpoints(), (start) => {
  const { sql } = useDatabase({ clearAfterEach: true });
  let endpoint: AwsEndpoint;
  let bucket: Bucket;
  let gap: string | undefined;
  let storage: ArchiveStorage;
  let prefixes = 0;
  beforeAll(async () => {
    endpoint = await start();
    bucket = await createBucket(endpoint);
    gap = await findS3Gap(bucket);
  });
  afterAll(async () => {
    await bucket?.remove();
    await endpoint?.stop();
  });
  beforeEach(async (context) => {
    if (gap !== undefined) context.skip(`${endpoint.name}: ${gap}`);
    prefixes += 1;
    storage = createS3Storage({ client: bucket.client, bucket: bucket.name, prefix: `indexers/${prefixes}` });
    await setWallet(sql);
  });

  test("the archive contains exactly the rows of the journal", async () => {
    const tokens = await seedJournal(sql, some(4));
    expect(await archive(sql, storage)).toEqual({ segments: 1, rows: 4, stopped: undefined });
    tokens.push(...(await seedJournal(sql, some(2))));
    expect(await archive(sql, storage)).toEqual({ segments: 1, rows: 2, stopped: undefined });
    expect(await archivedTokens(storage)).toEqual(tokens);
  });

  test("if two processes archive simultaneously, the archive contains each row once", async () => {
    const tokens: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      tokens.push(...(await seedJournal(sql, some(3))));
      const reports = await Promise.all([archive(sql, storage), archive(sql, storage)]);
      expect(reports.map(({ stopped }) => stopped)).toEqual([undefined, undefined]);
    }
    await archive(sql, storage);
    expect(await archivedTokens(storage)).toEqual(tokens);
  });

  test.each<ArchiveStep>(["segment-created", "manifest-replaced", "checkpoint-moved"])(
    "an archive run that ends after %s is continued",
    async (last) => {
      const tokens = await seedJournal(sql, some(2));
      await archive(sql, storage);
      tokens.push(...(await seedJournal(sql, some(2))));
      await archive(sql, storage, (name) => {
        if (name === last) throw new Error("crash");
      });
      tokens.push(...(await seedJournal(sql, some(1))));
      expect((await archive(sql, storage)).stopped).toBeUndefined();
      expect(await archivedTokens(storage)).toEqual(tokens);
    },
  );

  test("an archive with a missing or altered segment cannot be read", async () => {
    await seedJournal(sql, some(2));
    await archive(sql, storage);
    await seedJournal(sql, some(2));
    await archive(sql, storage);
    const head = await storage.readHead(never);
    const { previous } = JSON.parse(Buffer.from(head!.bytes).toString()) as { previous: { key: string } };
    const object = { Bucket: bucket.name, Key: `indexers/${prefixes}/${previous.key}` };
    await bucket.client.send(new PutObjectCommand({ ...object, Body: "other" }));
    await expect(archivedTokens(storage)).rejects.toMatchObject({ code: "archive-altered" });
    await bucket.client.send(new DeleteObjectCommand(object));
    await expect(archivedTokens(storage)).rejects.toMatchObject({ code: "archive-missing" });
  });

  test("if the bucket does not exist, archiving stops with archive-unavailable", async () => {
    await seedJournal(sql, some(1));
    const nowhere = createS3Storage({ client: bucket.client, bucket: `${bucket.name}-gone`, prefix: "" });
    expect((await archive(sql, nowhere)).stopped).toMatchObject({
      code: "archive-unavailable",
      details: { code: "NoSuchBucket" },
    });
  });
});
