/**
 * The part of indexd's app API that the official SDK needs to upload, pin, list and download. This API works on the
 * fixture of indexd's tables. It is for tests: loopback only, no quotas, no sharing, no approval of apps.
 */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Sql } from "postgres";
import * as v from "valibot";
import { AppApiError } from "./app-api-error.ts";
import { listHosts } from "./list-hosts.ts";
import { ObjectPin, pinObject } from "./pin-object.ts";
import { pinSlabs, SlabPins } from "./pin-slabs.ts";
import { listEvents, readObject } from "./read-objects.ts";
import { requestSigner, type SignedRequest } from "./signed-request.ts";

export interface AppApi {
  readonly url: string;
  /** Errors inside the API; refused requests do not count. */
  readonly faults: readonly Error[];
  stop(): Promise<void>;
}

/** The largest accepted body of a request: far more than any test sends. */
const MAX_BODY_BYTES = 1_048_576;
const NO_CONTENT = Symbol("no content");

export async function startAppApi(sql: Sql): Promise<AppApi> {
  const faults: Error[] = [];
  const server = createServer(async (request, response) => {
    try {
      const signed = await readRequest(request);
      const result = await answer(sql, signed);
      if (result === NO_CONTENT) response.writeHead(204).end();
      else
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result ?? null));
    } catch (error) {
      const status = statusOf(error);
      if (status === 500) faults.push(error instanceof Error ? error : new Error(String(error)));
      response.writeHead(status, { "content-type": "text/plain" }).end(`${(error as Error).message}\n`);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    faults,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function statusOf(error: unknown): number {
  if (error instanceof AppApiError) return error.status;
  return error instanceof v.ValiError || error instanceof SyntaxError ? 400 : 500;
}

async function readRequest(request: IncomingMessage): Promise<SignedRequest> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) throw new AppApiError(413, "the body is too large");
    chunks.push(chunk);
  }
  const { method = "GET", url = "/", headers } = request;
  return { method, url: new URL(url, `http://${headers.host}`), body: Buffer.concat(chunks) };
}

/** Maximum size of a page. */
const MAX_LIMIT = 500;
const Limit = v.pipe(v.optional(v.string(), "100"), v.toNumber(), v.integer(), v.maxValue(MAX_LIMIT));
const HostsQuery = v.object({
  offset: v.pipe(v.optional(v.string(), "0"), v.toNumber(), v.integer()),
  limit: Limit,
});
const EventsQuery = v.object({
  after: v.optional(v.pipe(v.string(), v.isoTimestamp()), "0001-01-01T00:00:00Z"),
  key: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)), "00".repeat(32)),
  limit: Limit,
});

async function answer(sql: Sql, request: SignedRequest): Promise<unknown> {
  const signer = requestSigner(request, Date.now());
  const accountId = await accountOf(sql, signer);
  const { method, url } = request;
  const query = Object.fromEntries(url.searchParams);
  const body = (): unknown => JSON.parse(Buffer.from(request.body).toString("utf8"));
  const [, id] = /^\/objects\/([0-9a-f]{64})$/.exec(url.pathname) ?? [];
  if (method === "GET" && id !== undefined) return await readObject(sql, accountId, Buffer.from(id, "hex"));
  switch (`${method} ${url.pathname}`) {
    case "GET /auth/check":
      return NO_CONTENT;
    case "GET /hosts":
      return await listHosts(sql, v.parse(HostsQuery, query));
    case "POST /slabs":
      return await pinSlabs(sql, accountId, v.parse(SlabPins, body()));
    case "POST /objects":
      await pinObject(sql, { accountId, signer }, v.parse(ObjectPin, body()));
      return NO_CONTENT;
    case "GET /objects":
      return await listEvents(sql, accountId, v.parse(EventsQuery, query));
    default:
      throw new AppApiError(404, `there is no ${method} ${url.pathname} here`);
  }
}

async function accountOf(sql: Sql, publicKey: Buffer): Promise<number> {
  const [row] = await sql<{ id: number }[]>`
    select id from accounts where public_key = ${publicKey} and deleted_at is null`;
  if (row === undefined) throw new AppApiError(401, "no account has this key");
  return row.id;
}
