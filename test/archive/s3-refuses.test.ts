import { createServer, type Server } from "node:http";
import { afterEach, expect, test } from "vitest";
import { createS3Client, createS3Storage } from "../../lib/archive/s3-storage.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** The storage of an archive in an S3 that gives the same answer to each request, or never answers. */
async function storageOf(answer: { status: number; code: string } | "silence") {
  server = createServer((request, response) => {
    request.resume();
    if (answer === "silence") return;
    const body = `<?xml version="1.0"?><Error><Code>${answer.code}</Code><Message>canary-message</Message></Error>`;
    response.writeHead(answer.status, { "content-type": "application/xml" }).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const client = createS3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: "eu-central-1",
    forcePathStyle: true,
    credentials: { accessKeyId: "id", secretAccessKey: "canary-secret" },
  });
  return createS3Storage({ client, bucket: "bucket", prefix: "x" });
}

test.each([
  { status: 503, code: "SlowDown" },
  { status: 403, code: "AccessDenied" },
  { status: 404, code: "NoSuchBucket" },
  { status: 403, code: "InvalidAccessKeyId" },
])("$code is named, without a message of S3's or a key", async (answer) => {
  const storage = await storageOf(answer);
  const error = await storage.readHead(new AbortController().signal).catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ code: "archive-unavailable", details: { code: answer.code } });
  expect((error as Error).message).toMatch(
    /^the archive s3:\/\/bucket\/x: expected to read manifest.json, got /,
  );
  expect((error as Error).message).not.toContain("canary");
});

test.each([
  { status: 412, code: "PreconditionFailed" },
  { status: 409, code: "ConditionalRequestConflict" },
])("create and replaceHead return false, and do not throw, if S3 answers $status $code", async (answer) => {
  const storage = await storageOf(answer);
  const { signal } = new AbortController();
  expect(await storage.create("segments/x", Buffer.from("x"), signal)).toBe(false);
  expect(await storage.replaceHead(Buffer.from("x"), '"etag"', signal)).toBe(false);
});

test("when the signal aborts, a read from an S3 that does not answer fails with archive-unavailable", async () => {
  const storage = await storageOf("silence");
  const ending = new AbortController();
  const reading = storage.read("segments/x", ending.signal);
  server?.once("request", () => ending.abort());
  await expect(reading).rejects.toMatchObject({ code: "archive-unavailable" });
});
