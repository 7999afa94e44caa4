import { readFileSync } from "node:fs";

const PAGE_BYTES = 65_536;

/** The exports of wasm/kernel.ts. All numbers are addresses or counts; the kernel does not check them. */
export interface KernelExports {
  windowAddress(): number;
  arenaAddress(): number;
  subtreeRoot(dataAddress: number, leaves: number, outAddress: number): void;
  climb(hashesAddress: number, count: number): void;
  combine(
    sourcesAddress: number,
    sourceCount: number,
    targetsAddress: number,
    targetCount: number,
    coefficientsAddress: number,
    lengthBytes: number,
  ): void;
  openPackets(
    keyAddress: number,
    packetsAddress: number,
    count: number,
    packetBytes: number,
    counter: bigint,
    sender: number,
  ): number;
  sealPackets(
    keyAddress: number,
    textsAddress: number,
    packetsAddress: number,
    count: number,
    packetBytes: number,
    counter: bigint,
    sender: number,
  ): void;
  authenticate(oneTimeKeyAddress: number, textAddress: number, bytes: number, tagAddress: number): void;
}

/** Bytes at `windowAddress()`, as declared in wasm/kernel.ts. */
export const WINDOW_BYTES = 262_144;

// Compiled once per process, at first use: takes about a millisecond.
let compiled: WebAssembly.Module | undefined;

/**
 * Instantiates the kernels over a memory of `memoryBytes`, rounded down to whole pages. The kernels' own tables need
 * almost 1 MiB of it. The memory never grows: growing would detach every view that sockets are reading into.
 */
export function instantiate(memoryBytes: number): { exports: KernelExports; buffer: ArrayBuffer } {
  const pages = Math.floor(memoryBytes / PAGE_BYTES);
  compiled ??= new WebAssembly.Module(readFileSync(new URL("./kernel.wasm", import.meta.url)));
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const instance = new WebAssembly.Instance(compiled, { env: { memory } });
  const exports = instance.exports as unknown as KernelExports;
  return { exports, buffer: memory.buffer };
}
