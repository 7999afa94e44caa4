import { once } from "node:events";
import { access } from "node:fs/promises";
import { SendMessageCommand } from "@aws-sdk/client-sqs";
import { afterEach, expect, test } from "vitest";
import type { BusyWorker } from "../../dev/aws/event-source-mapping.ts";
import { isAlive } from "../../dev/process/run-folder.ts";
import {
  type Deployment,
  type LocalRuntime,
  type LocalRuntimeOptions,
  startLocalRuntime,
} from "../../dev/runtime/runtime.ts";
import { probe } from "./fixtures/functions.ts";

interface RecordingSwarm {
  readonly folder: string;
  stops: number;
  stop(): Promise<void>;
}

let runtime: LocalRuntime<RecordingSwarm> | undefined;
afterEach(() => runtime?.stop());

const options: LocalRuntimeOptions<RecordingSwarm> = {
  queue: { visibilityTimeoutSeconds: 30, maxReceiveCount: 5 },
  async startSwarm(folder) {
    const swarm: RecordingSwarm = {
      folder,
      stops: 0,
      async stop() {
        swarm.stops += 1;
        // The folder must still exist: hosts remove their files themselves, and the runtime removes the folder later.
        await access(folder);
      },
    };
    return swarm;
  },
};

const deployment: Deployment = {
  functions: [
    probe({ name: "claim", handler: "handler", maxConcurrency: 1 }),
    probe({ name: "repair", handler: "consume" }),
  ],
  schedules: [{ functionName: "claim", everyMs: 100, firstAfterMs: 0 }],
  consumer: { functionName: "repair", maximumConcurrency: 2 },
};

test("the runtime starts everything, handles schedule and queue, and leaves nothing after stop", async () => {
  runtime = await startLocalRuntime(options);
  const { postgres, queueServer, queues, swarm } = runtime;
  const wrong = { ...deployment, schedules: [{ functionName: "reap", everyMs: 1000 }] };
  await expect(runtime.deploy(wrong)).rejects.toMatchObject({
    code: "invalid-option",
    message: expect.stringContaining('"reap"'),
  });
  const deployed = await runtime.deploy(deployment);
  await once(deployed.pools.get("claim")!, "ended");

  const client = queueServer.createClient();
  const started = once(deployed.mapping, "workerStarted");
  await client.send(new SendMessageCommand({ QueueUrl: queues.repairs.url, MessageBody: '{"does":"hang"}' }));
  client.destroy();
  const [worker] = (await started) as [BusyWorker];
  const pids = [postgres.pid, worker.pid, ...[...deployed.pools.values()].flatMap((pool) => pool.pids)];

  await Promise.all([runtime.stop(), runtime.stop()]);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(swarm.stops).toBe(1);
  await expect(access(swarm.folder)).rejects.toThrow(/ENOENT/);
  await expect(access(postgres.folder)).rejects.toThrow(/ENOENT/);
  await expect(fetch(queueServer.url)).rejects.toThrow();
  await expect(runtime.deploy(deployment)).rejects.toMatchObject({ code: "runtime-stopped" });
});

test("if a part does not start, the runtime stops the others", async () => {
  let folder = "";
  const failing = startLocalRuntime({
    ...options,
    async startSwarm(given) {
      folder = given;
      throw new Error("no hosts today");
    },
  });
  await expect(failing).rejects.toThrow("no hosts today");
  await expect(access(folder)).rejects.toThrow(/ENOENT/);
});

test("an interrupted start stops the parts already started", async () => {
  const interruption = new AbortController();
  const starting = startLocalRuntime({
    ...options,
    signal: interruption.signal,
    async startSwarm(folder) {
      interruption.abort();
      return await options.startSwarm(folder);
    },
  });
  await expect(starting).rejects.toMatchObject({ name: "AbortError" });
});
