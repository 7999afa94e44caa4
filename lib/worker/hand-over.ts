import type { RepairQueue, SendResult } from "../queue/repair-queue.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WorkEnd } from "./worker-slot.ts";

export interface HandOver extends RepairQueue {
  /**
   * Returns the leases left over since the last call, because no worker was free, or because the repair did not begin or
   * crashed.
   * `couldNotBegin`: at least one repair did not begin or crashed.
   */
  takeLeftOver(): { readonly leases: readonly LeasedSlab[]; readonly couldNotBegin: boolean };
}

/**
 * Takes the queue's place in a process that claims for its own workers: each lease that claim sends goes directly to a
 * free worker. If no worker is free, the lease is refused and stays unsent in the database, as after a refusal by SQS.
 */
export function createHandOver(pool: WorkerPool, onEnd: (end: WorkEnd) => void): HandOver {
  let leases: LeasedSlab[] = [];
  let couldNotBegin = false;
  return {
    async send<Message extends LeasedSlab>(messages: readonly Message[]): Promise<SendResult<Message>> {
      const sent: Message[] = [];
      const failed: { message: Message; code: string }[] = [];
      for (const message of messages) {
        if (pool.free > 0) {
          void pool.run(message).then((end) => {
            if (end.kind !== "ended") {
              leases.push(message);
              couldNotBegin = true;
            }
            onEnd(end);
          });
          sent.push(message);
        } else {
          failed.push({ message, code: "no-free-worker" });
          leases.push(message);
        }
      }
      return { sent, failed };
    },
    takeLeftOver() {
      const taken = { leases, couldNotBegin };
      leases = [];
      couldNotBegin = false;
      return taken;
    },
  };
}
