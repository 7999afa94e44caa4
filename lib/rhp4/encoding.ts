import { hexOf } from "../slab/ids.ts";
import { ProtocolError } from "./errors.ts";

/** Largest value of a Currency: 128 bits. */
const MAX_U128 = 2n ** 128n - 1n;
const MAX_U64 = 2n ** 64n - 1n;

/**
 * Writes one message of known length (docs/protocol.md#rhp4-encoding). The caller gives the length in advance; writing
 * more or fewer bytes is a bug, and throws a RangeError.
 */
export class Encoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(lengthBytes: number) {
    this.#bytes = new Uint8Array(lengthBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#advance(1), value);
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  u64(value: bigint | number): this {
    const wide = BigInt(value);
    if (wide < 0n || wide > MAX_U64) throw new RangeError(`u64: ${wide} does not fit`);
    this.#view.setBigUint64(this.#advance(8), wide, true);
    return this;
  }

  /** An amount in hastings: the low 64 bits, then the high 64 bits. */
  currency(value: bigint): this {
    if (value < 0n || value > MAX_U128) throw new RangeError(`currency: ${value} does not fit`);
    return this.u64(value & MAX_U64).u64(value >> 64n);
  }

  /** Exactly `length` raw bytes, without a length prefix. */
  fixed(bytes: Uint8Array, length: number): this {
    if (bytes.length !== length) throw new RangeError(`expected ${length} bytes, got ${bytes.length}`);
    this.#bytes.set(bytes, this.#advance(length));
    return this;
  }

  /** The 32 raw bytes of an id that is given in lower-case hex. */
  id(hex: string): this {
    return this.fixed(Buffer.from(hex, "hex"), 32);
  }

  /** u64 length, then the bytes. */
  prefixed(bytes: Uint8Array): this {
    return this.u64(bytes.length).fixed(bytes, bytes.length);
  }

  /** u64 count, then 32 bytes each. */
  hashes(hashes: readonly Uint8Array[]): this {
    this.u64(hashes.length);
    for (const hash of hashes) this.fixed(hash, 32);
    return this;
  }

  finish(): Uint8Array {
    if (this.#position !== this.#bytes.length) {
      throw new RangeError(`message: expected ${this.#bytes.length} bytes, wrote ${this.#position}`);
    }
    return this.#bytes;
  }

  #advance(length: number): number {
    const at = this.#position;
    if (at + length > this.#bytes.length)
      throw new RangeError(`message: exceeds ${this.#bytes.length} bytes`);
    this.#position = at + length;
    return at;
  }
}

/** Reads one message from its complete bytes. Every failure is a ProtocolError that names the message. */
export class Decoder {
  readonly #message: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position = 0;

  constructor(message: string, bytes: Uint8Array) {
    this.#message = message;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw this.#malformed(`a bool must be 0 or 1, got ${value}`);
    return value === 1;
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  /** A u64 that counts bytes or elements; a value above `max` is refused before anything is allocated. */
  count(what: string, max: number): number {
    const value = this.u64();
    if (value > BigInt(max)) {
      throw new ProtocolError(
        "message-too-long",
        `${this.#message}: ${what}: expected at most ${max}, got ${value}`,
      );
    }
    return Number(value);
  }

  currency(): bigint {
    const low = this.u64();
    return (this.u64() << 64n) | low;
  }

  /** Copies the bytes, so that a small field does not keep a large message in memory. */
  fixed(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.slice(at, at + length);
  }

  /** 32 bytes as lower-case hex; the caller adds the branded type. */
  id<Id extends string>(): Id {
    const at = this.#advance(32);
    return hexOf(this.#bytes.subarray(at, at + 32)) as Id;
  }

  hashes(count: number): Uint8Array[] {
    return Array.from({ length: count }, () => this.fixed(32));
  }

  /** UTF-8 text. Malformed sequences become U+FFFD: decoded texts are only displayed or compared. */
  text(length: number): string {
    const at = this.#advance(length);
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length));
  }

  finish(): void {
    const left = this.#bytes.length - this.#position;
    if (left !== 0) throw this.#malformed(`${left} bytes too many`);
  }

  #advance(length: number): number {
    const at = this.#position;
    if (at + length > this.#bytes.length) {
      throw this.#malformed(`ends after ${this.#bytes.length} bytes, needs ${at + length} or more`);
    }
    this.#position = at + length;
    return at;
  }

  #malformed(what: string): ProtocolError {
    return new ProtocolError("malformed-message", `${this.#message}: ${what}`);
  }
}

/**
 * Converts a time on the wire, in seconds, to milliseconds. Hosts read this u64 as a signed number: a value of 2^63 or
 * more lies long before 1970 and counts as expired (found by calling a real host).
 */
export function wireTimeToMs(seconds: bigint): bigint {
  return BigInt.asIntN(64, seconds) * 1000n;
}

/** Decodes a whole message; no bytes may be left over. */
export function decodeWhole<Message>(
  name: string,
  bytes: Uint8Array,
  decode: (from: Decoder) => Message,
): Message {
  const decoder = new Decoder(name, bytes);
  const message = decode(decoder);
  decoder.finish();
  return message;
}
