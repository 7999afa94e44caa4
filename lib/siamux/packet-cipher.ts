import { type PacketMemory, packetMemory } from "./packet-memory.ts";
import { TAG_BYTES } from "./wire-format.ts";

export type Role = "dialer" | "acceptor";

/**
 * Encrypts and decrypts packets in the process's packet memory. Both directions use the same key; their nonces differ
 * in the last byte, and the first eight bytes count packets.
 */
export class PacketCipher {
  readonly memory: PacketMemory;
  readonly #key: Uint8Array;
  readonly #role: Role;
  #sealed = 0n;
  #opened = 0n;

  constructor(key: Uint8Array, role: Role, memory = packetMemory()) {
    this.memory = memory;
    this.#key = Uint8Array.from(key);
    this.#role = role;
  }

  /**
   * Decrypts `count` packets at `offset` of the memory's `incoming`, in place. Returns how many packets came before the
   * first invalid tag; if fewer than `count`, the connection must end.
   */
  open(offset: number, count: number, packetBytes: number): number {
    const sender = nonceEnd(this.#role === "dialer" ? "acceptor" : "dialer");
    const good = this.memory.open(offset, {
      key: this.#key,
      count,
      packetBytes,
      counter: this.#opened,
      sender,
    });
    this.#opened += BigInt(count);
    return good;
  }

  /** Encrypts `count` packets from the memory's `texts` into the memory's `sealed`. */
  seal(count: number, packetBytes: number): void {
    const sender = nonceEnd(this.#role);
    this.memory.seal({ key: this.#key, count, packetBytes, counter: this.#sealed, sender });
    this.#sealed += BigInt(count);
  }

  /** Encrypts a message of the handshake; for the nonces, the message counts as a packet. */
  sealMessage(plain: Uint8Array): Buffer {
    const { texts, sealed } = this.memory;
    texts.set(plain);
    this.seal(1, plain.length + TAG_BYTES);
    return Buffer.from(sealed.subarray(0, plain.length + TAG_BYTES));
  }

  /** Decrypts a message of the handshake; undefined if the message's tag is invalid. */
  openMessage(message: Uint8Array): Buffer | undefined {
    const { incoming } = this.memory;
    incoming.set(message);
    if (this.open(0, 1, message.length) === 0) return undefined;
    return Buffer.from(incoming.subarray(0, message.length - TAG_BYTES));
  }
}

/** Bytes 8 to 11 of a nonce, little-endian. */
function nonceEnd(role: Role): number {
  return role === "acceptor" ? 0x8000_0000 : 0;
}
