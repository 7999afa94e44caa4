import { createCipheriv } from "node:crypto";
import { hchacha } from "@noble/ciphers/chacha.js";

/** A keystream that can be applied at any offset; applying it twice restores the bytes. */
export interface CipherStream {
  /** Changes `data` in place; its first byte is at `byteOffset` in the stream. */
  apply(data: Uint8Array, byteOffset: number): void;
}

/** Bytes per block; the counter counts blocks. */
const BLOCK_BYTES = 64;
/**
 * Bytes per update: large enough that encryption takes much longer than the call itself, small enough that malloc
 * returns the same warm memory each time.
 */
const UPDATE_BYTES = 65_536;
/** Length of a keystream, 256 GiB less a block: beyond it, the 32-bit block counter would wrap. */
export const STREAM_BYTES = (2 ** 32 - 1) * BLOCK_BYTES;

/** "expand 32-byte k", RFC 8439 section 2.3. */
const SIGMA = wordsOf(Buffer.from("expand 32-byte k", "ascii"));

/** XChaCha20 without authentication: HChaCha20 for the key, then ChaCha20 of RFC 8439 from block 0. */
export function xchacha20Stream(key: Uint8Array, nonce: Uint8Array): CipherStream {
  const subkeyWords = new Uint32Array(8);
  hchacha(SIGMA, wordsOf(key), wordsOf(nonce.subarray(0, 16)), subkeyWords);
  const subkey = Buffer.alloc(32);
  subkeyWords.forEach((word, i) => {
    subkey.writeUInt32LE(word, 4 * i);
  });
  // OpenSSL's IV has 16 bytes: the block counter, then the 12-byte nonce, whose first four bytes are zero in XChaCha20.
  const counterAndNonce = Buffer.alloc(16);
  counterAndNonce.set(nonce.subarray(16, 24), 8);

  return {
    apply(data, byteOffset) {
      const iv = Buffer.from(counterAndNonce);
      iv.writeUInt32LE(Math.floor(byteOffset / BLOCK_BYTES), 0);
      const cipher = createCipheriv("chacha20", subkey, iv);
      cipher.update(Buffer.alloc(byteOffset % BLOCK_BYTES));
      for (let at = 0; at < data.length; at += UPDATE_BYTES) {
        const update = cipher.update(data.subarray(at, at + UPDATE_BYTES));
        data.set(update, at);
        release(update);
      }
    },
  };
}

/**
 * Frees the result of an update immediately. Node cannot encrypt in place. If the results were left to the garbage
 * collector, they would grow to 85 MiB of resident memory, whose page faults take as long as the cipher itself.
 */
function release(update: Buffer<ArrayBuffer>): void {
  // The memory of a pooled buffer is shared with other buffers: it is kept.
  if (update.byteLength === update.buffer.byteLength) update.buffer.transfer(0);
}

/** HChaCha20 reads bytes as little-endian words: this function does so on machines of any byte order. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Uint32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getUint32(4 * i, true));
}
