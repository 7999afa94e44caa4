/**
 * One worker: a process of its own with one execution environment, that repairs one slab at a time, as one of Lambda's
 * does. Its parent gives the orders; when the parent is gone, the repair in hand is finished and the process ends.
 */

import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../slab/ids.ts";
import { openRepairEnvironment } from "./open-repair-environment.ts";
import type { RepairOrder, WorkerReport } from "./worker-messages.ts";

const environment = openRepairEnvironment({ variables: process.env });
let working: Promise<void> = Promise.resolve();

// The parent decides when to end: a terminal sends Ctrl+C to all of us, a service manager SIGTERM.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

process.on("message", (order: RepairOrder) => {
  working = repair(order);
});
process.on("disconnect", () => {
  void working.then(() => environment.close()).then(() => process.exit(0));
});
report({ kind: "ready" });

async function repair(order: RepairOrder): Promise<void> {
  const task = {
    slabId: parseSlabId(order.slabId),
    digest: parseSlabDigest(order.digest),
    token: parseLeaseToken(order.token),
  };
  try {
    const result = await environment.repair(task, order);
    report({ kind: "ended", outcome: result.kind });
  } catch (error) {
    environment.logger.error({ error, slab: order.slabId }, "a repair could not begin");
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    report({ kind: "not-begun", code });
  }
}

function report(message: WorkerReport): void {
  // Gone when the parent is; then nobody wants to know.
  if (process.connected) process.send?.(message);
}
