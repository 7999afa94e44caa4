import { badArgument } from "./kernel-error.ts";
import { instantiate } from "./wasm-module.ts";

const KEY_BYTES = 32;
const TAG_BYTES = 16;
/**
 * Bytes of the wasm memory before the packets' areas: tables of the other kernels. They are not resident, because this
 * kernel never touches them.
 */
const STATIC_BYTES = 1_572_864;
const PAGE_BYTES = 65_536;

/**
 * Packets under one key. The nonce of each packet is its number (8 bytes, `counter` for the first packet) and then
 * `sender` (4 bytes), both little-endian.
 */
export interface PacketBatch {
  readonly key: Uint8Array;
  readonly count: number;
  readonly packetBytes: number;
  readonly counter: bigint;
  readonly sender: number;
}

/**
 * ChaCha20-Poly1305 (RFC 8439, no additional data) over many packets in one call, in its own small wasm memory. All
 * calls are synchronous, so several users may share the areas: no user expects the data of one call to be there at the
 * next call.
 */
export interface PacketKernel {
  /** Packets to open, in place. */
  readonly incoming: Buffer;
  /** Texts to seal, without gaps; their packets appear in `sealed`. */
  readonly texts: Buffer;
  readonly sealed: Buffer;
  /**
   * Opens packets stored one after another in `incoming` from `offset` on; each text replaces its packet. Returns the
   * number of valid packets before the first invalid one.
   */
  open(offset: number, batch: PacketBatch): number;
  /** Seals the first `count` texts and writes the packets to the start of `sealed`. */
  seal(batch: PacketBatch): void;
}

/**
 * Creates a kernel with areas of these sizes. With the sizes that lib/siamux uses, about half a megabyte is resident.
 */
export function createPacketKernel(sizes: {
  readonly incomingBytes: number;
  readonly batchBytes: number;
}): PacketKernel {
  const { incomingBytes, batchBytes } = sizes;
  const memoryBytes = Math.ceil((STATIC_BYTES + incomingBytes + 2 * batchBytes) / PAGE_BYTES) * PAGE_BYTES;
  const { exports: wasm, buffer } = instantiate(memoryBytes);
  let free = Math.ceil(wasm.arenaAddress() / 64) * 64;
  const allocate = (bytes: number): Buffer<ArrayBuffer> => {
    const region = Buffer.from(buffer, free, bytes);
    free = Math.ceil((free + bytes) / 64) * 64;
    return region;
  };
  const keyRegion = allocate(KEY_BYTES);
  const incoming = allocate(incomingBytes);
  const texts = allocate(batchBytes);
  const sealed = allocate(batchBytes);
  return {
    incoming,
    texts,
    sealed,
    open(offset, { key, count, packetBytes, counter, sender }) {
      requireFit("packets to open", offset + count * packetBytes, incomingBytes, packetBytes);
      keyRegion.set(key);
      return wasm.openPackets(
        keyRegion.byteOffset,
        incoming.byteOffset + offset,
        count,
        packetBytes,
        counter,
        sender,
      );
    },
    seal({ key, count, packetBytes, counter, sender }) {
      requireFit("packets to seal", count * packetBytes, batchBytes, packetBytes);
      keyRegion.set(key);
      wasm.sealPackets(
        keyRegion.byteOffset,
        texts.byteOffset,
        sealed.byteOffset,
        count,
        packetBytes,
        counter,
        sender,
      );
    },
  };
}

function requireFit(what: string, end: number, areaBytes: number, packetBytes: number): void {
  if (packetBytes > TAG_BYTES && end <= areaBytes) return;
  throw badArgument(
    `${what}: expected packets above ${TAG_BYTES} bytes, ending within ${areaBytes} bytes, got ${packetBytes} bytes, ending at ${end}`,
  );
}
