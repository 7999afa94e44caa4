import { expect, test } from "vitest";
import { BufferPool, cutIntoRanges } from "../../../lib/jobs/repair/buffer-pool.ts";

const never = new AbortController().signal;
const buffers = (count: number): Uint8Array[] => Array.from({ length: count }, (_, n) => Uint8Array.of(n));

test("the buffer pool gives out each buffer once, then serves waiters in order", async () => {
  const pool = new BufferPool(buffers(2));
  const [first, second] = [await pool.take(never), await pool.take(never)];
  expect(first).not.toBe(second);
  const order: string[] = [];
  const third = pool.take(never).then((buffer) => order.push("third") && buffer);
  const fourth = pool.take(never).then((buffer) => order.push("fourth") && buffer);
  pool.give(second);
  pool.give(first);
  expect(await third).toBe(second);
  expect(await fourth).toBe(first);
  expect(order).toEqual(["third", "fourth"]);
});

test("when a waiter gives up, the next free buffer goes to the next waiter", async () => {
  const pool = new BufferPool(buffers(1));
  const held = await pool.take(never);
  const impatient = new AbortController();
  const abandoned = pool.take(impatient.signal);
  const patient = pool.take(never);
  impatient.abort(new Error("no longer needed"));
  await expect(abandoned).rejects.toThrow("no longer needed");
  pool.give(held);
  expect(await patient).toBe(held);
  pool.give(held);
  expect(pool.freeCount).toBe(1);
});

test("buffers are cut into ranges that cover the buffers without overlap", () => {
  const memory = new Uint8Array(32);
  const ranges = cutIntoRanges([memory.subarray(0, 16), memory.subarray(16)], 4);
  expect(ranges.map(({ byteOffset, length }) => [byteOffset, length])).toEqual(
    [0, 4, 8, 12, 16, 20, 24, 28].map((offset) => [offset, 4]),
  );
});
