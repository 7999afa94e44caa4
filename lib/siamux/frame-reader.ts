import { protocolViolation } from "./siamux-error.ts";
import { FRAME_HEADER_BYTES, FRAME_MARKER, TAG_BYTES } from "./wire-format.ts";

/** Receives the frames. Each method may throw the MuxClosedError that ends the connection. */
export interface FrameSink {
  /** True: stop reading, the connection has ended. */
  readonly isClosed: boolean;
  /** `id`: 31 bits. `flags`: FLAG_FIRST, FLAG_LAST, FLAG_ERROR; unknown bits are ignored. */
  frameBegins(id: number, flags: number): void;
  /**
   * A part of the current frame's payload: the bytes of `memory` from `start` to `end`, valid only during this call.
   */
  framePayload(memory: Buffer, start: number, end: number): void;
  frameEnds(): void;
}

/**
 * Splits decrypted packets into frames without copying payloads.
 *
 * Between packets the reader is in one of three states: at a frame boundary (no header bytes, no payload left), inside
 * a header (1..7 bytes kept), or inside a payload. Padding can begin only at a boundary and ends with its packet.
 * Padding whose first byte has bit 1 set contains covert data; RHP4 sends none, so such padding is skipped like any
 * other.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  readonly #maxPayloadBytes: number;
  readonly #partialHeader = Buffer.alloc(FRAME_HEADER_BYTES);
  #partialHeaderBytes = 0;
  #payloadLeftBytes = 0;

  constructor(sink: FrameSink, maxPayloadBytes: number) {
    this.#sink = sink;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /**
   * Reads the decrypted packet of `packetBytes` (including its tag) at `start`. Throws MuxClosedError on a protocol
   * violation.
   */
  readPacket(memory: Buffer, start: number, packetBytes: number): void {
    const end = start + packetBytes - TAG_BYTES;
    let at = start;
    while (at < end && !this.#sink.isClosed) {
      if (this.#payloadLeftBytes > 0) {
        at = this.#readPayload(memory, at, end);
        continue;
      }
      const atBoundary = this.#partialHeaderBytes === 0;
      if (atBoundary && (memory[at]! & FRAME_MARKER) === 0) return;
      at = this.#readHeader(memory, at, end);
    }
  }

  #readPayload(memory: Buffer, at: number, end: number): number {
    const partEnd = Math.min(at + this.#payloadLeftBytes, end);
    this.#payloadLeftBytes -= partEnd - at;
    this.#sink.framePayload(memory, at, partEnd);
    if (this.#payloadLeftBytes === 0) this.#sink.frameEnds();
    return partEnd;
  }

  #readHeader(memory: Buffer, at: number, end: number): number {
    const wanted = FRAME_HEADER_BYTES - this.#partialHeaderBytes;
    const take = Math.min(wanted, end - at);
    if (take === FRAME_HEADER_BYTES) {
      this.#begin(memory, at);
      return at + take;
    }
    memory.copy(this.#partialHeader, this.#partialHeaderBytes, at, at + take);
    this.#partialHeaderBytes += take;
    if (take === wanted) {
      this.#partialHeaderBytes = 0;
      this.#begin(this.#partialHeader, 0);
    }
    return at + take;
  }

  /** Any 8 bytes form a header; the sink checks the id. */
  #begin(from: Buffer, at: number): void {
    const id = from.readUInt32LE(at) >>> 1;
    const payloadBytes = from.readUInt16LE(at + 4);
    if (payloadBytes > this.#maxPayloadBytes) {
      throw protocolViolation(
        "oversized-frame",
        `frame payload: expected at most ${this.#maxPayloadBytes} bytes, got ${payloadBytes}`,
        { streamId: id, payloadBytes },
      );
    }
    this.#payloadLeftBytes = payloadBytes;
    this.#sink.frameBegins(id, from.readUInt16LE(at + 6));
    if (payloadBytes === 0) this.#sink.frameEnds();
  }
}
