/**
 * One worker: a process with one execution environment. The process's argument says how many slabs it repairs in
 * parallel. These repairs share connections and memory, and all end if the process crashes. The parent process sends
 * the orders. When the parent is gone, running repairs are finished, and then the process ends.
 */
import { systemClock } from "../clock/clock.ts";
import type { RepairStep } from "../jobs/repair/repair-dependencies.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../slab/ids.ts";
import { inheritedLogDestination } from "../telemetry/log-format.ts";
import { openRepairEnvironment } from "./open-repair-environment.ts";
import { SelfCheck, whyUnfit } from "./self-check.ts";
import { phaseAfter, type RepairOrder, type WorkerReport, workerOf } from "./worker-messages.ts";

const environment = openRepairEnvironment({
  variables: process.env,
  repairsAtOnce: Number(process.argv[2] ?? "1"),
  logDestination: inheritedLogDestination(),
  onMetrics: (values, dimensions) => report({ kind: "metrics", values, dimensions }),
});
const selfCheck = new SelfCheck();
const working = new Set<Promise<void>>();

// These signals are ignored, because the parent decides when this process ends. They come to the whole process group:
// from a terminal at Ctrl+C, or from a service manager.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

process.on("message", (order: RepairOrder) => {
  const repairing = repair(order).finally(() => working.delete(repairing));
  working.add(repairing);
});
process.on("disconnect", () => {
  void Promise.all(working)
    .then(() => environment.close())
    .then(() => process.exit(0));
});
report({ kind: "ready" });

async function repair(order: RepairOrder): Promise<void> {
  const { id } = order;
  const task = {
    slabId: parseSlabId(order.slabId),
    digest: parseSlabDigest(order.digest),
    token: parseLeaseToken(order.token),
  };
  try {
    const onStep = (name: RepairStep): void => {
      const phase = phaseAfter(name);
      if (phase !== undefined) report({ kind: "phase", id, phase });
    };
    const result = await environment.repair(task, { ...order, onStep });
    const ended = { worker: workerOf(id), slabId: task.slabId, result, nowMs: systemClock.now() };
    const reason = await whyUnfit(selfCheck, environment, ended);
    if (reason !== undefined) report({ kind: "unfit", reason });
    report({ kind: "ended", id, outcome: result.kind });
  } catch (error) {
    environment.logger.error({ error, slab: order.slabId }, "a repair could not begin");
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    report({ kind: "not-begun", id, code });
  }
}

function report(message: WorkerReport): void {
  // If the parent is gone, the channel to it is closed.
  if (process.connected) process.send?.(message);
}
