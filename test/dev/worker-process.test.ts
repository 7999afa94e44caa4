import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { startWorkerProcess, type WorkerOptions, type WorkerProcess } from "../support/worker-process.ts";

const entry = fileURLToPath(new URL("./fixtures/step-function.ts", import.meta.url));
let worker: WorkerProcess;
afterEach(() => worker.stop());

async function start(signalAt?: WorkerOptions["signalAt"]): Promise<WorkerProcess> {
  worker = await startWorkerProcess({
    entry,
    environment: {},
    ...(signalAt === undefined ? {} : { signalAt }),
  });
  return worker;
}

test("a process is killed at the chosen occurrence of the chosen step, and the process that replaces it is not", async () => {
  await start({ step: "stored-one", occurrence: 2 });
  expect(await worker.invoke({})).toMatchObject({ kind: "failed", how: "crashed" });
  expect(await worker.steps()).toEqual(["begun", "stored-one", "stored-one"]);
  expect(await worker.invoke({})).toEqual({ kind: "succeeded", payload: '"done"' });
});

test("a process that stopped itself can be continued", async () => {
  await start({ step: "begun", signal: "SIGSTOP" });
  const running = worker.invoke({});
  await worker.whenStopped();
  expect(await worker.steps()).toEqual(["begun"]);
  expect(worker.signal("SIGCONT")).toBe(true);
  expect(await running).toMatchObject({ kind: "succeeded" });
});

test("without a chosen step a worker passes all steps and records them", async () => {
  await start();
  expect(await worker.invoke({})).toMatchObject({ kind: "succeeded" });
  expect(await worker.steps()).toEqual(["begun", "stored-one", "stored-one", "committed"]);
});
