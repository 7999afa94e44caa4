/**
 * Starts the real HTTP process on a seeded database. In place of a supervisor, this module gives the HTTP process a
 * made-up report about workers.
 */
import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../lib/clock/clock.ts";
import { CONSOLE_POLICY, consoleAssets } from "../../lib/console/console-assets.ts";
import type { LoopView } from "../../lib/lifecycle/control-loop.ts";
import type { IndexerView } from "../../lib/lifecycle/indexer-control.ts";
import { HttpChild } from "../../lib/server/http-child.ts";
import type { HttpIndexer } from "../../lib/server/http-messages.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import type { IndexerHealth } from "../../lib/worker/indexer-loop.ts";

export interface ServedConsole {
  /** `http://127.0.0.1:12345` */
  readonly url: string;
  readonly token: string;
  stop(): Promise<void>;
}

/**
 * @param slabs ids of the slabs that the made-up workers repair
 * @param port 0: any free port
 */
export async function serveConsole(
  databaseUrl: string,
  slabs: readonly string[] = [],
  port = 0,
): Promise<ServedConsole> {
  const token = randomBytes(32).toString("base64url");
  const clock = systemClock;
  const startedAtMs = clock.now() - 9_120_000;
  const indexers: readonly HttpIndexer[] = [
    { name: "default", databaseUrl, authorities: undefined, acceptedVersion: undefined, queueUrl: undefined },
  ];
  const http = new HttpChild({
    settings: {
      listen: { host: "127.0.0.1", port },
      hosts: { isLoopback: true, names: [] },
      token,
      passwordHash: null,
      owner: "operator, by the console or the API",
      files: await consoleAssets(),
      policy: CONSOLE_POLICY,
    },
    variables: { ...process.env, SLABMEND_INDEXER: "default", SLABMEND_LOG_LEVEL: "silent" },
    clock,
    logger: createLogger("silent", { indexer: "default" }),
    scrape: async () => "",
    indexers: () => indexers,
    describe: (child) => ({
      pid: process.pid,
      startedAtMs,
      ...child,
      indexers: [viewOf(loopOf(clock, startedAtMs, slabs))],
    }),
  });
  const chosen = await http.start();
  return { url: `http://127.0.0.1:${chosen}`, token, stop: () => http.stop() };
}

function viewOf(loop: IndexerHealth): IndexerView {
  const lifecycle: LoopView = {
    state: "running",
    mode: { kind: "running" },
    since: new Date(loop.startedAtMs),
    holder: "here",
    failures: 0,
    trouble: null,
    isMoving: false,
  };
  return { name: loop.indexer, lifecycle, loop, units: [] };
}

function loopOf(clock: Clock, startedAtMs: number, slabs: readonly string[]): IndexerHealth {
  const nowMs = clock.now();
  const phases = ["transfer", "commit", "plan"] as const;
  const repairs = slabs.map((slabId, n) => ({
    slabId,
    phase: phases[n % phases.length]!,
    startedAtMs: nowMs - 4_000 - n * 3_000,
  }));
  const worker = (name: string, pid: number, own: typeof repairs) => ({
    name,
    pid,
    startedAtMs,
    restarts: 0,
    lastExit: null,
    crashLoopingSinceMs: null,
    repairs: own,
  });
  return {
    indexer: "default",
    state: "working",
    startedAtMs: Date.now(),
    restarts: 0,
    claim: { endedAtMs: nowMs - 6_000, stopped: null, failures: 0, trouble: null },
    reap: { endedAtMs: nowMs - 21_000, stopped: null, failures: 0, trouble: null },
    concurrency: 4,
    running: repairs.length,
    workers: [
      worker(
        "worker 1",
        4_712,
        repairs.filter((_, n) => n % 2 === 0),
      ),
      worker(
        "worker 2",
        4_713,
        repairs.filter((_, n) => n % 2 === 1),
      ),
    ],
    trouble: null,
    done: { outcomes: { repaired: 812 }, notBegun: 3, crashed: 0 },
  };
}
