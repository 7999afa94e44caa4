import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Arena } from "../../lib/kernel/arena.ts";

const START = 100;
const END = 64 * 1024;
/** START is rounded up to a multiple of 64. */
const CAPACITY = END - 128;

function createArena(): { buffer: ArrayBuffer; arena: Arena } {
  const buffer = new ArrayBuffer(END);
  return { buffer, arena: new Arena(buffer, START, END) };
}

const code = (expected: string) => expect.objectContaining({ code: expected });

describe("arena", () => {
  it("the arena's regions are disjoint, aligned and in bounds for any order of allocating and freeing", () => {
    const steps = fc.array(
      fc.oneof(fc.record({ allocate: fc.integer({ min: 1, max: 5000 }) }), fc.record({ free: fc.nat() })),
      { maxLength: 300 },
    );
    fc.assert(
      fc.property(steps, (sequence) => {
        const { arena } = createArena();
        const live: { region: Buffer; mark: number }[] = [];
        for (const [i, step] of sequence.entries()) {
          if ("allocate" in step) {
            try {
              const region = arena.allocate(step.allocate);
              expect(region.byteOffset % 64).toBe(0);
              expect(region.byteOffset).toBeGreaterThanOrEqual(START);
              expect(region.byteOffset + region.length).toBeLessThanOrEqual(END);
              expect(region.length).toBe(step.allocate);
              region.fill(i);
              live.push({ region, mark: i & 255 });
            } catch (error) {
              expect(error).toEqual(code("arena-full"));
              // An empty arena refuses only what exceeds its capacity.
              if (live.length === 0) expect(step.allocate).toBeGreaterThan(CAPACITY);
            }
          } else if (live.length > 0) {
            const [freed] = live.splice(step.free % live.length, 1);
            arena.free(freed!.region);
          }
          expect(arena.usedBytes).toBe(
            live.reduce((sum, { region }) => sum + Math.ceil(region.length / 64) * 64, 0),
          );
        }
        for (const { region, mark } of live) expect(region.every((byte) => byte === mark)).toBe(true);
        for (const { region } of live) arena.free(region);
        expect(arena.usedBytes).toBe(0);
        // All gaps have merged into one, which is as large as the arena.
        expect(arena.allocate(CAPACITY).length).toBe(CAPACITY);
      }),
      { numRuns: 200 },
    );
  });

  it("a full arena refuses another region, and works again after a region is freed", () => {
    const { arena } = createArena();
    expect(arena.capacityBytes).toBe(CAPACITY);
    const all = arena.allocate(CAPACITY);
    expect(() => arena.allocate(1)).toThrow(code("arena-full"));
    arena.free(all);
    expect(arena.allocate(1).length).toBe(1);
  });

  it("the arena does not join free gaps that are not adjacent", () => {
    const { arena } = createArena();
    const third = Math.floor(CAPACITY / 3 / 64) * 64;
    const [first, , last] = [arena.allocate(third), arena.allocate(third), arena.allocate(third)];
    arena.free(first!);
    arena.free(last!);
    expect(() => arena.allocate(2 * third)).toThrow(code("arena-full"));
    expect(arena.allocate(third).byteOffset).toBe(first!.byteOffset);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "the arena refuses a region of %d bytes",
    (bytes) => {
      expect(() => createArena().arena.allocate(bytes)).toThrow(code("bad-argument"));
    },
  );

  it("the arena refuses to free a part of a region, memory that it did not allocate, or a region twice", () => {
    const { arena, buffer } = createArena();
    const region = arena.allocate(256);
    expect(() => arena.free(region.subarray(0, 64))).toThrow(code("not-allocated"));
    expect(() => arena.free(region.subarray(64))).toThrow(code("not-allocated"));
    expect(() => arena.free(new Uint8Array(buffer, 0, 64))).toThrow(code("not-allocated"));
    expect(() => arena.free(Buffer.alloc(256))).toThrow(code("not-allocated"));
    expect(() => arena.free(createArena().arena.allocate(256))).toThrow(code("not-allocated"));
    arena.free(region);
    expect(() => arena.free(region)).toThrow(code("not-allocated"));
  });
});
