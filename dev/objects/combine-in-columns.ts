import type { Kernel } from "../../lib/kernel/kernel.ts";

/**
 * How many bytes of each shard are in the kernel's memory at a time: few enough that shards of any number and size fit.
 */
const COLUMN_BYTES = 131_072;

/**
 * Combines shards as `Kernel.combine` does, but these shards are not in the kernel's memory. One column at a time, they
 * are copied into that memory, and the results are copied back.
 */
export function combineInColumns(
  kernel: Kernel,
  sources: readonly Uint8Array[],
  targets: readonly Uint8Array[],
  coefficients: Uint8Array,
): void {
  const shardBytes = sources[0]!.length;
  const columnBytes = Math.min(COLUMN_BYTES, shardBytes);
  const windows = [...sources, ...targets].map(() => kernel.arena.allocate(columnBytes));
  try {
    const sourceWindows = windows.slice(0, sources.length);
    const targetWindows = windows.slice(sources.length);
    for (let from = 0; from < shardBytes; from += columnBytes) {
      const to = Math.min(from + columnBytes, shardBytes);
      sourceWindows.forEach((window, s) => {
        window.set(sources[s]!.subarray(from, to));
      });
      kernel.combine({
        sources: sourceWindows,
        targets: targetWindows,
        coefficients,
        lengthBytes: to - from,
      });
      targetWindows.forEach((window, t) => {
        targets[t]!.set(window.subarray(0, to - from), from);
      });
    }
  } finally {
    for (const window of windows) kernel.arena.free(window);
  }
}
