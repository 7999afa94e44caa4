import { describe, expect, it } from "vitest";
import { slabDigest } from "../../lib/slab/digest.ts";
import { parseRoot } from "../../lib/slab/ids.ts";

const roots = Array.from({ length: 30 }, (_, i) => parseRoot(Buffer.alloc(32, i + 1).toString("hex")));
const slab = { version: 0, minShards: 10, encryptionKey: Buffer.alloc(32, 7), roots };

describe("slab digest", () => {
  it.each([
    [0, "41301f62b7ae133a87b8aa383fd08a9bb3e5f3eec181893ec0c3f3e4c10601cd"],
    [1, "a96da2a2aab58800b0ac897a3356e3aa6233dc85c1beddadb90e49131cfe2d68"],
  ])("matches the vector of version %i", (version, digest) => {
    expect(slabDigest({ ...slab, version })).toBe(digest);
  });

  it("the slab digest depends on every pinned field", () => {
    const digests = [
      slab,
      { ...slab, minShards: 11 },
      { ...slab, encryptionKey: Buffer.alloc(32, 8) },
      { ...slab, roots: roots.toReversed() },
      { ...slab, roots: roots.slice(1) },
    ].map(slabDigest);
    expect(new Set(digests).size).toBe(digests.length);
  });
});
