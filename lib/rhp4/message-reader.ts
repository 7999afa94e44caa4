import { Decoder } from "./encoding.ts";
import { ProtocolError } from "./errors.ts";

/** The source of a message: a stream, or bytes in memory. */
export interface ByteSource {
  readExactly(length: number): Promise<Uint8Array>;
}

/**
 * Reads a message whose length becomes known while reading it. `maxBytes` limits the whole message, so that a length
 * prefix can never make the reader wait for, or store, more than the protocol allows.
 */
export class MessageReader {
  readonly message: string;
  readonly #source: ByteSource;
  #bytesLeft: number;

  constructor(message: string, source: ByteSource, maxBytes: number) {
    this.message = message;
    this.#source = source;
    this.#bytesLeft = maxBytes;
  }

  /** A decoder over exactly the next `length` bytes. */
  async next(length: number): Promise<Decoder> {
    if (length > this.#bytesLeft) {
      throw new ProtocolError(
        "message-too-long",
        `${this.message}: expected at most ${this.#bytesLeft} more bytes, got a length of ${length}`,
      );
    }
    this.#bytesLeft -= length;
    const bytes = length === 0 ? new Uint8Array(0) : await this.#source.readExactly(length);
    return new Decoder(this.message, bytes);
  }
}

/**
 * A source over bytes in memory. Reading beyond their end throws `malformed-message`. For tests, and callers that have
 * all bytes.
 */
export function bytesInMemory(bytes: Uint8Array): ByteSource & { readonly bytesLeft: () => number } {
  let position = 0;
  return {
    bytesLeft: () => bytes.length - position,
    async readExactly(length) {
      if (position + length > bytes.length) {
        throw new ProtocolError(
          "malformed-message",
          `the message ends after ${bytes.length} bytes, but needs ${position + length}`,
        );
      }
      position += length;
      return bytes.slice(position - length, position);
    },
  };
}
