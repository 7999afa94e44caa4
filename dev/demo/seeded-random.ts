import { createCipheriv, createHash } from "node:crypto";

/** Derives bytes from seed and label alone, so that the demo can generate stored data again and need not keep it. */
export function seededBytes(seed: string, label: string, length: number): Buffer {
  const key = createHash("sha256").update(`slabmend demo ${label} ${seed}`).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/**
 * A generator of numbers, uniform in [0, 1). The same seed and label give the same numbers. It is slow: use it for
 * choices, and `seededBytes` for data.
 */
export function seededRandom(seed: string, label: string): () => number {
  let drawn = 0;
  return () => {
    drawn += 1;
    return seededBytes(seed, `${label} ${drawn}`, 4).readUInt32LE() / 2 ** 32;
  };
}

export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
