/**
 * Frees the memory of buffers that are no longer read. Buffers from `node:crypto` and sockets lie outside the heap; left to
 * garbage collection alone, they grow to tens of megabytes before it runs (docs/decisions/0009-memory.md). The bytes are gone
 * afterwards, so use it only for buffers that nothing else references.
 */
export function releaseMemory(bytes: Buffer): void {
  const memory = bytes.buffer as ArrayBuffer;
  // Not for a part of a larger buffer, such as Node's pool, which others use.
  if (bytes.byteLength === memory.byteLength) memory.transfer(0);
}
