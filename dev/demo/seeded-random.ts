import { createCipheriv, createHash } from "node:crypto";

/** Bytes derived only from seed and label, so that stored data can be regenerated instead of kept. */
export function seededBytes(seed: string, label: string, length: number): Buffer {
  const key = createHash("sha256").update(`slabmend demo ${label} ${seed}`).digest();
  return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

/** Uniform in [0, 1), reproducible for the same seed and label. Slow: for choices, not for data. */
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
