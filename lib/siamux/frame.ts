import { FRAME_MARKER } from "./wire-format.ts";

export interface FrameHeader {
  /** 31 bits. */
  readonly id: number;
  readonly payloadBytes: number;
  /** FLAG_FIRST, FLAG_LAST, FLAG_ERROR. */
  readonly flags: number;
}

/** Writes the 8 bytes of a header at `offset` of `into`. */
export function encodeFrameHeader(into: Buffer, offset: number, header: FrameHeader): void {
  into.writeUInt32LE(((header.id << 1) | FRAME_MARKER) >>> 0, offset);
  into.writeUInt16LE(header.payloadBytes, offset + 4);
  into.writeUInt16LE(header.flags, offset + 6);
}
