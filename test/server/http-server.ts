/** The HTTP server in this process, for tests of its refusals and answers. */
import type { FastifyInstance } from "fastify";
import { type Clock, systemClock } from "../../lib/clock/clock.ts";
import type { Ask } from "../../lib/database/client/deadline-client.ts";
import type { RepairQueue } from "../../lib/queue/repair-queue.ts";
import { readStatusReport } from "../../lib/reports/status.ts";
import { Secret } from "../../lib/secret/secret.ts";
import { createServer } from "../../lib/server/create-server.ts";
import { EventStream } from "../../lib/server/event-stream.ts";
import { ServedIndexers } from "../../lib/server/served-indexers.ts";
import { reportWorkers } from "../../lib/server/workers-report.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";

export const TOKEN = "t".repeat(43);

export interface TestServer {
  readonly server: FastifyInstance;
  readonly url: string;
}

export async function startTestServer(options: {
  readonly ask: Ask;
  readonly passwordHash?: string;
  readonly queue?: RepairQueue;
  readonly clock?: Clock;
  readonly readStatus?: () => ReturnType<typeof readStatusReport>;
}): Promise<TestServer> {
  const { ask, passwordHash, queue, clock = systemClock, readStatus = () => readStatusReport(ask) } = options;
  const readWorkers = async () => reportWorkers(Date.now(), "default", null, []);
  const openQueue = async () => queue;
  const api = { indexer: "default", ask, readStatus, readWorkers, openQueue, owner: "an operator" };
  const events = new EventStream({ clock, readStatus, readWorkers });
  const server = await createServer({
    access: {
      hosts: { isLoopback: true, names: [] },
      token: new Secret(TOKEN),
      passwordHash: passwordHash === undefined ? null : new Secret(passwordHash),
    },
    indexers: new ServedIndexers(
      () => new Map([["default", { api, events, readReadiness: async () => ({ ready: true, checks: [] }) }]]),
      () => [],
    ),
    scrape: async () => "slabmend_database_up 1\n",
    isLive: () => true,
    files: new Map([
      ["/", { content: Buffer.from("page"), type: "text/html", etag: '"1"', immutable: false }],
      [
        "/assets/a.js",
        { content: Buffer.from("code"), type: "text/javascript", etag: '"2"', immutable: true },
      ],
    ]),
    policy: { "default-src": ["'none'"] },
    clock,
    logger: createLogger("silent", { indexer: "default" }),
  });
  const url = await server.listen({ host: "127.0.0.1", port: 0 });
  return { server, url };
}
