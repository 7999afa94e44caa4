import { expect, test } from "vitest";
import { memoryBytesFor, SectorMemory } from "../../../lib/jobs/repair/sector-memory.ts";
import { createKernel } from "../../../lib/kernel/kernel.ts";

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

function createMemory() {
  const kernel = createKernel({ memoryBytes: 4 * 4_194_304 + 3 * 1_048_576 });
  return new SectorMemory(kernel, { repairsAtOnce: 2 });
}

test("repairs get memory in the order of their requests, and each gets all of its memory at once", async () => {
  const memory = createMemory();
  expect(memory.totalBlocks).toBe(4);
  const first = await memory.open(3, never);
  const opened: string[] = [];
  const large = memory.open(2, never).then((arena) => opened.push("large") && arena);
  const small = memory.open(1, never).then((arena) => opened.push("small") && arena);
  await turn();
  expect(opened, "the small one does not overtake").toEqual([]);
  first.close();
  await Promise.all([large, small]);
  expect(opened).toEqual(["large", "small"]);
});

test("the memory of a closed arena is freed when its last buffer is returned", async () => {
  const memory = createMemory();
  const arena = await memory.open(4, never);
  const buffer = await arena.buffers.take(never);
  arena.close();
  const next = memory.open(1, never);
  expect(await Promise.race([next, turn().then(() => "waiting")])).toBe("waiting");
  arena.buffers.give(buffer);
  (await next).close();
  expect(memory.freeBlocks).toBe(4);
});

test("a request above the limit gets all memory, and an aborted request gets none", async () => {
  const memory = createMemory();
  const all = await memory.open(99, never);
  expect(all.buffers.total).toBe(4);
  await expect(memory.open(1, AbortSignal.abort(new Error("the deadline")))).rejects.toThrow("the deadline");
  all.close();
  expect(memory.freeBlocks).toBe(4);
});

test("blocks that were used before are taken first, so that unused blocks occupy no physical memory", async () => {
  const memory = createMemory();
  const addresses = async (blocks: number): Promise<number[]> => {
    const arena = await memory.open(blocks, never);
    const taken = await Promise.all(Array.from({ length: blocks }, () => arena.buffers.take(never)));
    for (const buffer of taken) arena.buffers.give(buffer);
    arena.close();
    return taken.map(({ byteOffset }) => byteOffset).toSorted((a, b) => a - b);
  };
  const first = await addresses(2);
  await addresses(3);
  expect(await addresses(2)).toEqual(first);
});

test.each([
  [1, 32],
  [2, 40],
  [16, 128],
  [64, 128],
])("memory for %i simultaneous repairs is %i blocks", (repairsAtOnce, blocks) => {
  const kernel = createKernel({ memoryBytes: memoryBytesFor(repairsAtOnce) });
  expect(new SectorMemory(kernel, { repairsAtOnce }).totalBlocks).toBe(blocks);
});
