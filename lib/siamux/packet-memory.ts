import { createPacketKernel, type PacketKernel } from "../kernel/packet-kernel.ts";
import { MAX_PACKET_BYTES } from "./wire-format.ts";

/** Most that one read of a socket delivers. */
const READ_BYTES = 131_072;

/** What one write to the transport carries at most: 64 KiB and a packet. */
const BATCH_BYTES = 65_536 + MAX_PACKET_BYTES;

/**
 * The memory in which all connections of a process open and seal their packets, one after the other. Whatever uses it does
 * so within one synchronous step: nothing of a connection stays in it.
 */
export interface PacketMemory extends PacketKernel {
  /** Where sockets read to: a part of `incoming`, after room for what a connection's last read left of a packet. */
  readonly readArea: Buffer;
  /** Where `readArea` begins in `incoming`. */
  readonly readStart: number;
}

let shared: PacketMemory | undefined;

/** Created at the first use: 0.4 MiB are resident, however many connections there are. */
export function packetMemory(): PacketMemory {
  shared ??= create();
  return shared;
}

function create(): PacketMemory {
  const readStart = MAX_PACKET_BYTES;
  const kernel = createPacketKernel({ incomingBytes: readStart + READ_BYTES, batchBytes: BATCH_BYTES });
  return { ...kernel, readStart, readArea: kernel.incoming.subarray(readStart) };
}
