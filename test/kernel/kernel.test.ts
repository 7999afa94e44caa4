import { describe, expect, it } from "vitest";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";

const MIB = 1024 * 1024;

describe("kernel", () => {
  it("a kernel has the requested memory, nearly all of it for the arena", () => {
    const { arena } = createKernel({ memoryBytes: 160 * MIB });
    expect(arena.capacityBytes).toBeGreaterThan(158 * MIB);
    expect(arena.capacityBytes).toBeLessThan(160 * MIB);
    const region = arena.allocate(arena.capacityBytes);
    expect(region.buffer.byteLength).toBe(160 * MIB);
  });

  it("a kernel does not grow its memory, so that views stay valid", () => {
    const kernel = createKernel({ memoryBytes: 16 * MIB });
    const sector = kernel.arena.allocate(SECTOR_BYTES);
    const parity = kernel.arena.allocate(SECTOR_BYTES);
    kernel.sectorRoot(sector);
    kernel.combine({
      sources: [sector],
      targets: [parity],
      coefficients: Uint8Array.of(2),
      lengthBytes: SECTOR_BYTES,
    });
    kernel.buildRangeProof(sector, 0, 64);
    expect(sector.length).toBe(SECTOR_BYTES);
    expect(sector.buffer.byteLength).toBe(16 * MIB);
  });

  it("kernel instances are independent", () => {
    const [one, other] = [createKernel({ memoryBytes: 16 * MIB }), createKernel({ memoryBytes: 16 * MIB })];
    const foreign = other.arena.allocate(64);
    const target = one.arena.allocate(64);
    expect(() =>
      one.combine({ sources: [foreign], targets: [target], coefficients: Uint8Array.of(1), lengthBytes: 64 }),
    ).toThrow(expect.objectContaining({ code: "not-in-arena" }));
  });

  it.each([0, -1, 65_536, 2 * MIB - 1, 520 * MIB + 1, Number.NaN, Number.POSITIVE_INFINITY])(
    "a kernel refuses a memory of %d bytes",
    (memoryBytes) => {
      expect(() => createKernel({ memoryBytes })).toThrow(expect.objectContaining({ code: "bad-argument" }));
    },
  );
});
