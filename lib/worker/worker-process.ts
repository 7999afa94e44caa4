/**
 * One worker: a process with one execution environment, which repairs as many slabs in parallel as its argument says; they share
 * connections and memory, and are lost together if it crashes. Its parent sends the orders; if the parent is gone, running
 * repairs are finished and the process ends.
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

// The parent decides when to end: a terminal sends Ctrl+C to the whole process group, a service manager SIGTERM.
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
  // Without its parent the channel is closed.
  if (process.connected) process.send?.(message);
}
