/**
 * Peak resident memory of a repair process, as the operating system counts it. The bundled handler, in its own process,
 * repairs slabs one after the other, with hosts on loopback: slabs of 10-of-30 with 20 shards to rebuild, and a slab of
 * 85-of-255, which indexd would not pin. For both kinds of slabs, the memory must stay below the same limit.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeRepairMessage } from "../lib/queue/repair-message.ts";
import { bundleFunction } from "../scripts/bundle.ts";
import type { RepairWorld } from "../test/support/repair-world.ts";
import { rounded } from "./measure.ts";
import { residentMebibytes } from "./process-usage.ts";
import { withRepairProcess, withRepairWorld } from "./with-repair-world.ts";

interface Code {
  readonly minShards: number;
  readonly totalShards: number;
  readonly lostShards: number;
  readonly repairs: number;
}

const USUAL: Code = { minShards: 10, totalShards: 30, lostShards: 20, repairs: 3 };
const LARGE: Code = { minShards: 85, totalShards: 255, lostShards: 3, repairs: 1 };
/** Hosts that hold no sector of the slab. */
const SPARE_HOSTS = 4;

interface CodeMemory extends Code {
  readonly peakMebibytes: number;
}

export interface RepairMemoryResult {
  readonly usualCode: CodeMemory;
  readonly largeCode: CodeMemory;
  /** Memory before the first repair: what Node and the loaded code need. */
  readonly idleMebibytes: number;
  readonly atMost: number;
}

async function repairInProcess(
  entry: string,
  world: RepairWorld,
  code: Code,
): Promise<{ readonly idle: number; readonly peak: number }> {
  return withRepairProcess(entry, world.variables, async ({ pid, invoke }) => {
    const idle = await residentMebibytes(pid, "VmRSS");
    for (let n = 0; n < code.repairs; n++) {
      const slab = await world.storeSlab(code);
      for (let index = 0; index < code.lostShards; index++) await world.loseSector(slab, index);
      await invoke(encodeRepairMessage(await world.lease(slab), "default"));
      const [row] = await world.database.sql<{ outcome: string; moved: number }[]>`
        select outcome, jsonb_array_length(moves) as moved from slabmend.journal where slab_id = ${String(slab.id)}`;
      if (row?.outcome !== "repaired" || row.moved !== code.lostShards) {
        throw new Error(`expected ${code.lostShards} moves, got ${JSON.stringify(row)}`);
      }
    }
    return { idle, peak: await residentMebibytes(pid, "VmHWM") };
  });
}

/** Needs Linux, because /proc reports a process's peak. */
export async function benchRepairMemory(): Promise<RepairMemoryResult | { readonly skipped: string }> {
  if (process.platform !== "linux") return { skipped: "the peak is read from /proc" };
  const folder = await mkdtemp(join(tmpdir(), "slabmend-bench-"));
  try {
    const { entry } = await bundleFunction("repair", folder);
    const measure = (code: Code) =>
      withRepairWorld(code.totalShards + SPARE_HOSTS, (world) => repairInProcess(entry, world, code));
    const usual = await measure(USUAL);
    const large = await measure(LARGE);
    return {
      usualCode: { ...USUAL, peakMebibytes: rounded(usual.peak) },
      largeCode: { ...LARGE, peakMebibytes: rounded(large.peak) },
      idleMebibytes: rounded(usual.idle),
      atMost: 256,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
