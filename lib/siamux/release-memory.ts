/**
 * Frees the memory of buffers that are no longer read. Buffers from `node:crypto` and sockets lie outside the heap; if
 * they are left to the garbage collector alone, they grow to tens of megabytes before it runs
 * (docs/decisions/0009-memory.md). The bytes are gone afterwards, so release only buffers that nothing else references.
 */
export function releaseMemory(bytes: Buffer): void {
  const memory = bytes.buffer as ArrayBuffer;
  // Memory that is larger than the buffer, such as Node's pool, is shared with other buffers: it is kept.
  if (bytes.byteLength === memory.byteLength) memory.transfer(0);
}
