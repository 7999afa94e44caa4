/**
 * Gives memory back at once that is no longer read. What `node:crypto` and sockets return is memory of its own
 * outside the heap; left to the garbage collector it piles up to tens of megabytes before one runs
 * (docs/decisions/0009-memory.md). The bytes are gone afterwards: only for buffers that are surely ours alone.
 */
export function releaseMemory(bytes: Buffer): void {
  const memory = bytes.buffer as ArrayBuffer;
  // Never a part of a larger piece, such as Node's pool: others live in it.
  if (bytes.byteLength === memory.byteLength) memory.transfer(0);
}
