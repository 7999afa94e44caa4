import { createServer } from "node:http";
import type { Sql } from "postgres";
import { beforeEach, expect, test } from "vitest";
import type { ArchiveStorage } from "../../../lib/archive/archive-storage.ts";
import { createS3Client, createS3Storage } from "../../../lib/archive/s3-storage.ts";
import { readFollowers } from "../../../lib/database/journal/followers.ts";
import { followJournal } from "../../../lib/jobs/journal/follow-journal.ts";
import { seedJournal } from "../../database/journal/journal-rows.ts";
import { askOf } from "../../support/ask.ts";
import { useDatabase } from "../../support/database.ts";
import { archive, archivedTokens, setWallet, storageIn, useFolder } from "./archive-fixture.ts";

const { sql } = useDatabase({ clearAfterEach: true });
const folder = useFolder();
let storage: ArchiveStorage;
beforeEach(async () => {
  storage = storageIn(folder);
  await setWallet(sql);
});

const stopOf = async (client: Sql): Promise<string | undefined> =>
  (await readFollowers(client)).find(({ name }) => name.startsWith("archive"))?.stoppedBy;

test("an archive that refuses writes for an hour delays no other follower, and has every row afterwards", async () => {
  const tokens = await seedJournal(sql, [{}, {}]);
  expect(await archive(sql, storage)).toMatchObject({ rows: 2, stopped: undefined });
  const s3 = await refusingS3();
  try {
    // Reap runs once a minute. For this hour the storage is a bucket that refuses all requests, in place of the folder.
    const refusing: ArchiveStorage = { ...s3.storage, place: storage.place };
    let summed = 0;
    for (let minute = 0; minute < 60; minute += 1) {
      tokens.push(...(await seedJournal(sql, [{}])));
      const keep = { keepJournalMs: 0 };
      summed += (await followJournal({ ask: askOf(sql) }, keep, () => false)).summed;
      const { stopped } = await archive(sql, refusing);
      expect(stopped).toMatchObject({ code: "archive-unavailable" });
    }
    expect(summed).toBe(62);
    expect(s3.requests()).toBeGreaterThanOrEqual(60);
  } finally {
    s3.stop();
  }
  expect(await stopOf(sql)).toBe("archive-unavailable");
  expect(await archive(sql, storage)).toMatchObject({ rows: 60, stopped: undefined });
  expect(await stopOf(sql)).toBeUndefined();
  expect(await archivedTokens(storage)).toEqual(tokens);
});

/** The real S3 client, with a server that answers each request with "slow down". */
async function refusingS3() {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    request.resume();
    response
      .writeHead(503, { "content-type": "application/xml" })
      .end("<Error><Code>SlowDown</Code></Error>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const client = createS3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: "eu-central-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "id", secretAccessKey: "secret" },
  });
  const bucket = createS3Storage({ client, bucket: "bucket", prefix: "x" });
  return {
    storage: {
      read: (key, signal) => bucket.read(key, signal),
      create: (key, bytes, signal) => bucket.create(key, bytes, signal),
      readHead: (signal) => bucket.readHead(signal),
      replaceHead: (bytes, version, signal) => bucket.replaceHead(bytes, version, signal),
    } satisfies Omit<ArchiveStorage, "place">,
    requests: () => requests,
    stop() {
      client.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}
