/** Requests that the HTTP server refuses, and misbehaving clients. The server has no database. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StatusReport } from "../../lib/reports/status-schema.ts";
import { hashPassword } from "../../lib/server/access/password.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { until } from "../support/until.ts";
import { startTestServer, type TestServer, TOKEN } from "./http-server.ts";
import { rawRequest } from "./serve-world.ts";

const PASSWORD = "correct horse battery";
const bearer = { authorization: `Bearer ${TOKEN}` };
const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`anyone:${password}`).toString("base64")}`,
});
const asksNothing = () => Promise.reject(new Error("a test without a database"));
const json = { "content-type": "application/json" };

let open: TestServer;
beforeAll(async () => {
  open = await startTestServer({ ask: asksNothing });
});
afterAll(() => open.server.close());

test.each([
  ["a forged Host", { path: "/", headers: { host: "evil.example" } }, 421, "host-not-ours"],
  [
    "a forged Host on a health check",
    { path: "/healthz", headers: { host: "evil.example" } },
    421,
    "host-not-ours",
  ],
  ["a path with ..", { path: "/assets/../../etc/passwd" }, 404, "not-found"],
  ["a path with an encoded ..", { path: "/assets/%2e%2e%2f%2e%2e%2fetc/passwd" }, 404, "not-found"],
  ["a malformed path", { path: "/%zz" }, 400, "bad-request"],
  ["an unknown query", { path: "/api/v1/slabs?sql=1" }, 400, "bad-request"],
  ["a malformed slab id", { path: "/api/v1/slabs/1;drop" }, 400, "bad-request"],
  ["a write without token", { path: "/api/v1/mode", method: "PUT" }, 401, "token-missing"],
  [
    "a write with a wrong token",
    { path: "/api/v1/mode", method: "PUT", headers: { authorization: `Bearer ${"u".repeat(43)}` } },
    401,
    "token-missing",
  ],
  [
    "a write from another page",
    { path: "/api/v1/mode", method: "PUT", headers: { ...bearer, origin: "https://evil.example" } },
    403,
    "origin-not-ours",
  ],
  [
    "a write with an unknown body",
    { path: "/api/v1/mode", method: "PUT", headers: { ...bearer, ...json }, body: '{"kind":"maintenance"}' },
    400,
    "bad-request",
  ],
  [
    "a body that is not JSON",
    { path: "/api/v1/mode", method: "PUT", headers: { ...bearer, "content-type": "text/plain" }, body: "x" },
    415,
    "not-json",
  ],
  [
    "redriving without a queue",
    { path: "/api/v1/dead-letters/redrive", method: "POST", headers: { ...bearer, ...json }, body: "{}" },
    409,
    "no-queue",
  ],
  ["an unexpected failure, whose text is not repeated", { path: "/api/v1/status" }, 500, "unexpected"],
] as const)("%s", async (_what, request, status, code) => {
  const answer = await rawRequest(open.url, request);
  expect(answer.status).toBe(status);
  expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
  expect(JSON.parse(answer.text)).toMatchObject({ status, code, type: `urn:slabmend:problem:${code}` });
  expect(answer.text).not.toContain("without a database");
});

test("a body of 10 MB is refused before it is read", async () => {
  const body = Buffer.alloc(10_000_000, 0x20);
  // The server may close the connection while the client still sends.
  const answer = await rawRequest(open.url, {
    path: "/api/v1/mode",
    method: "PUT",
    headers: { ...bearer, ...json },
    body,
  }).catch((error: NodeJS.ErrnoException) => error.code);
  if (typeof answer === "object") expect(answer.status).toBe(413);
  else expect(["EPIPE", "ECONNRESET"]).toContain(answer);
});

test("every answer has the security headers", async () => {
  for (const path of ["/", "/healthz", "/api/v1/openapi.json", "/nothing"]) {
    const { headers } = await rawRequest(open.url, { path });
    expect(headers).toMatchObject({
      "content-security-policy": "default-src 'none'",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
  }
});

test("the console's assets are cached as immutable, and its page is revalidated", async () => {
  const asset = await fetch(`${open.url}/assets/a.js`);
  expect(asset.headers.get("cache-control")).toContain("immutable");
  const page = await fetch(`${open.url}/`, { headers: { "if-none-match": '"1"' } });
  expect([page.status, page.headers.get("cache-control")]).toEqual([304, "no-cache"]);
});

describe("with a password", () => {
  let closed: TestServer;
  beforeAll(async () => {
    closed = await startTestServer({ ask: asksNothing, passwordHash: await hashPassword(PASSWORD) });
  });
  afterAll(() => closed.server.close());
  const ask = (headers: Record<string, string>, path = "/") => fetch(closed.url + path, { headers });

  test("without the password only health checks are answered; the token gives access to everything", async () => {
    const refused = await ask({});
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toMatch(/^Basic /);
    expect((await ask({}, "/api/v1/openapi.json")).status).toBe(401);
    expect((await ask({}, "/healthz")).status).toBe(200);
    expect((await ask(bearer)).status).toBe(200);
  });

  test("wrong passwords get 429 after ten attempts, and authenticated clients keep access", async () => {
    expect((await ask(basic(PASSWORD))).status).toBe(200);
    const cpuBefore = process.cpuUsage();
    const counts = new Map<number, number>();
    for (let tried = 0; tried < 1_000; tried += 50) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => ask(basic(`wrong ${tried + index}`))),
      );
      for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    // The correct password was sent before these attempts, and counted as an attempt, too.
    expect(counts.get(429)).toBeGreaterThanOrEqual(991);
    expect([...counts.keys()].sort()).toEqual(counts.size === 1 ? [429] : [401, 429]);
    const { user, system } = process.cpuUsage(cpuBefore);
    // Hashing all these passwords would take minutes.
    expect((user + system) / 1_000_000).toBeLessThan(60);
    expect((await ask(basic(PASSWORD))).status).toBe(200);
    const limited = await ask(basic("one more"));
    expect([limited.status, limited.headers.get("retry-after")]).toEqual([429, "60"]);
  });

  test("the password allows no write", async () => {
    const answer = await fetch(`${closed.url}/api/v1/mode`, { method: "PUT", headers: basic(PASSWORD) });
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer /);
  });
});

test("a hundred clients share one database read, a client that never reads is dropped, and without clients nothing is read", async () => {
  let reads = 0;
  const clock = createFakeClock();
  // The status is so large that a few events with it fill the kernel's socket buffers.
  const status = { text: "x".repeat(200_000) } as unknown as StatusReport;
  const readStatus = async () => {
    reads += 1;
    return status;
  };
  const busy = await startTestServer({ ask: asksNothing, clock, readStatus });
  const connections = () =>
    new Promise<number>((resolve) => busy.server.server.getConnections((_error, count) => resolve(count)));
  const deaf = connect(Number(new URL(busy.url).port), "127.0.0.1");
  deaf.on("error", () => {});
  deaf.pause();
  deaf.write("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await until(
    () => reads,
    (count) => count === 1,
  );
  const ending = new AbortController();
  const seen = new Map<number, number>();
  const clients = Array.from({ length: 100 }, async (_none, index) => {
    const response = await fetch(`${busy.url}/api/v1/events`, { signal: ending.signal });
    for await (const chunk of response.body!) {
      const events =
        Buffer.from(chunk as Uint8Array)
          .toString()
          .split("event: status").length - 1;
      seen.set(index, (seen.get(index) ?? 0) + events);
    }
  });
  const everyoneHas = (least: number) =>
    until(() => seen.size === 100 && [...seen.values()].every((count) => count >= least));
  // All clients get the result of the first read; no second read was needed.
  await everyoneHas(1);
  expect(reads).toBe(1);
  await clock.advance(3_000);
  await everyoneHas(2);
  expect(reads).toBe(2);
  await until(async () => {
    const before = Math.min(...seen.values());
    await clock.advance(3_000);
    await everyoneHas(before + 1);
    return (await connections()) === 100;
  });
  ending.abort();
  await Promise.allSettled(clients);
  await until(connections, (count) => count === 0);
  const readBefore = reads;
  await clock.advance(60_000);
  expect([reads, clock.pending]).toEqual([readBefore, 0]);
  deaf.destroy();
  await busy.server.close();
});

test("a client that sends its request byte by byte is cut off", async () => {
  const socket: Socket = connect(Number(new URL(open.url).port), "127.0.0.1");
  let answer = "";
  socket.on("data", (chunk) => {
    answer += String(chunk);
  });
  socket.on("error", () => {});
  const startedAt = Date.now();
  const sending = setInterval(() => socket.write("X"), 500);
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
  await once(socket, "close");
  clearInterval(sending);
  expect(answer === "" || answer.startsWith("HTTP/1.1 408")).toBe(true);
  expect(Date.now() - startedAt).toBeGreaterThan(9_000);
}, 60_000);
