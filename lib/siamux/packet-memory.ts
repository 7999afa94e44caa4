import { createPacketKernel, type PacketKernel } from "../kernel/packet-kernel.ts";
import { MAX_PACKET_BYTES } from "./wire-format.ts";

/** Maximum size of one read from a socket. */
const READ_BYTES = 131_072;

/** Maximum size of one write to the transport: 64 KiB and a packet. */
const BATCH_BYTES = 65_536 + MAX_PACKET_BYTES;

/**
 * The memory in which all connections of a process decrypt and encrypt their packets, one after the other. Each use is
 * one synchronous step. After it the memory may be overwritten, so a connection must not rely on what it left there.
 */
export interface PacketMemory extends PacketKernel {
  /**
   * The area that sockets read into: a part of `incoming`, after space for the incomplete packet of a connection's last
   * read.
   */
  readonly readArea: Buffer;
  /** Offset of `readArea` in `incoming`. */
  readonly readStart: number;
}

let shared: PacketMemory | undefined;

/** Created at the first use; 0.4 MiB for any number of connections. */
export function packetMemory(): PacketMemory {
  shared ??= create();
  return shared;
}

function create(): PacketMemory {
  const readStart = MAX_PACKET_BYTES;
  const kernel = createPacketKernel({ incomingBytes: readStart + READ_BYTES, batchBytes: BATCH_BYTES });
  return { ...kernel, readStart, readArea: kernel.incoming.subarray(readStart) };
}
