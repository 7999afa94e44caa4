import { decodeFrameHeader, type FrameHeader } from "./frame.ts";
import { protocolViolation } from "./siamux-error.ts";
import { FRAME_HEADER_BYTES, FRAME_MARKER } from "./wire-format.ts";

/** Who the frames are for. Each method may throw the MuxClosedError that ends the connection. */
export interface FrameSink {
  /** True: stop reading, the connection has ended. */
  readonly isClosed: boolean;
  frameBegins(header: FrameHeader): void;
  /** A part of the payload of the frame that began last, valid until this call returns. */
  framePayload(part: Buffer): void;
  frameEnds(): void;
}

/**
 * Cuts decrypted packets into frames, without copying payloads.
 *
 * Between packets it stands in one of three places: at a frame boundary (no header bytes, no payload left), inside a
 * header (1..7 bytes kept), or inside a payload. Only at a boundary can padding begin; it ends with its packet. Covert
 * data hides in padding (bit 1 of the first byte set); RHP4 has none, so it is skipped like padding.
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

  /** Reads one whole decrypted packet. Throws MuxClosedError when the peer broke the protocol. */
  readPacket(plain: Buffer): void {
    let offset = 0;
    while (offset < plain.length && !this.#sink.isClosed) {
      if (this.#payloadLeftBytes > 0) {
        offset += this.#readPayload(plain, offset);
        continue;
      }
      const atBoundary = this.#partialHeaderBytes === 0;
      if (atBoundary && (plain[offset]! & FRAME_MARKER) === 0) return;
      offset += this.#readHeader(plain, offset);
    }
  }

  #readPayload(plain: Buffer, offset: number): number {
    const take = Math.min(this.#payloadLeftBytes, plain.length - offset);
    this.#payloadLeftBytes -= take;
    this.#sink.framePayload(plain.subarray(offset, offset + take));
    if (this.#payloadLeftBytes === 0) this.#sink.frameEnds();
    return take;
  }

  #readHeader(plain: Buffer, offset: number): number {
    const wanted = FRAME_HEADER_BYTES - this.#partialHeaderBytes;
    const take = Math.min(wanted, plain.length - offset);
    if (take === FRAME_HEADER_BYTES) {
      this.#begin(decodeFrameHeader(plain, offset));
      return take;
    }
    plain.copy(this.#partialHeader, this.#partialHeaderBytes, offset, offset + take);
    this.#partialHeaderBytes += take;
    if (take === wanted) {
      this.#partialHeaderBytes = 0;
      this.#begin(decodeFrameHeader(this.#partialHeader, 0));
    }
    return take;
  }

  #begin(header: FrameHeader): void {
    if (header.payloadBytes > this.#maxPayloadBytes) {
      throw protocolViolation(
        "oversized-frame",
        `frame payload: expected at most ${this.#maxPayloadBytes} bytes, got ${header.payloadBytes}`,
        { streamId: header.id, payloadBytes: header.payloadBytes },
      );
    }
    this.#payloadLeftBytes = header.payloadBytes;
    this.#sink.frameBegins(header);
    if (header.payloadBytes === 0) this.#sink.frameEnds();
  }
}
