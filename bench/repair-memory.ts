/**
 * Peak resident memory of a repair process, as the kernel counts it: the real handler in a process of its own repairs
 * slabs of 10-of-30 with 20 shards to rebuild, one after the other, from hosts on loopback.
 */
import { fileURLToPath } from "node:url";
import { encodeRepairMessage } from "../lib/queue/repair-message.ts";
import type { RepairWorld } from "../test/support/repair-world.ts";
import { rounded } from "./measure.ts";
import { residentMebibytes } from "./process-usage.ts";
import { withRepairProcess, withRepairWorld } from "./with-repair-world.ts";

export interface RepairMemoryResult {
  readonly peakMebibytes: number;
  /** Before the first repair: what Node and our code take. */
  readonly idleMebibytes: number;
  readonly atMost: number;
  readonly repairs: number;
}

const REPAIRS = 3;
const MIN_SHARDS = 10;
const TOTAL_SHARDS = 30;
const LOST_SHARDS = 20;
const HOSTS = 34;
const ENTRY = fileURLToPath(new URL("../functions/repair.ts", import.meta.url));

function repairInProcess(world: RepairWorld): Promise<RepairMemoryResult> {
  return withRepairProcess(ENTRY, world.variables, async ({ pid, invoke }) => {
    const idle = await residentMebibytes(pid, "VmRSS");
    for (let n = 0; n < REPAIRS; n++) {
      const slab = await world.storeSlab({ minShards: MIN_SHARDS, totalShards: TOTAL_SHARDS });
      for (let index = 0; index < LOST_SHARDS; index++) await world.loseSector(slab, index);
      await invoke(encodeRepairMessage(await world.lease(slab)));
      const [entry] = await world.database.sql<{ outcome: string; moved: number }[]>`
        select outcome, jsonb_array_length(moves) as moved from slabmend.journal where slab_id = ${String(slab.id)}`;
      if (entry?.outcome !== "repaired" || entry.moved !== LOST_SHARDS) {
        throw new Error(`expected ${LOST_SHARDS} moves, got ${JSON.stringify(entry)}`);
      }
    }
    const peak = await residentMebibytes(pid, "VmHWM");
    return { peakMebibytes: rounded(peak), idleMebibytes: rounded(idle), atMost: 256, repairs: REPAIRS };
  });
}

/** Needs Linux, whose kernel remembers the peak. */
export async function benchRepairMemory(): Promise<RepairMemoryResult | { readonly skipped: string }> {
  if (process.platform !== "linux") return { skipped: "the peak is read from /proc" };
  return withRepairWorld(HOSTS, repairInProcess);
}
