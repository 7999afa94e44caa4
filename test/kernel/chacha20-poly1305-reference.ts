/** A slow reference of ChaCha20-Poly1305, written directly from RFC 8439 with 32-bit words and big integers. */

const TAG_BYTES = 16;
const PRIME = 2n ** 130n - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

const rotate = (word: number, bits: number): number => ((word << bits) | (word >>> (32 - bits))) >>> 0;

/** Section 2.1. */
function quarterRound(s: Uint32Array, a: number, b: number, c: number, d: number): void {
  for (const [x, y, z, bits] of [
    [a, b, d, 16],
    [c, d, b, 12],
    [a, b, d, 8],
    [c, d, b, 7],
  ] as const) {
    s[x] = s[x]! + s[y]!;
    s[z] = rotate(s[z]! ^ s[x]!, bits);
  }
}

/** Section 2.3: 64 bytes of keystream. */
export function chacha20Block(key: Uint8Array, counter: number, nonce: Uint8Array): Buffer {
  const bytes = Buffer.concat([Buffer.from("expand 32-byte k"), key, Buffer.alloc(4), nonce]);
  bytes.writeUInt32LE(counter, 48);
  const initial = Uint32Array.from({ length: 16 }, (_, word) => bytes.readUInt32LE(4 * word));
  const state = Uint32Array.from(initial);
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of [
      [0, 4, 8, 12],
      [1, 5, 9, 13],
      [2, 6, 10, 14],
      [3, 7, 11, 15],
      [0, 5, 10, 15],
      [1, 6, 11, 12],
      [2, 7, 8, 13],
      [3, 4, 9, 14],
    ] as const) {
      quarterRound(state, a, b, c, d);
    }
  }
  const block = Buffer.alloc(64);
  for (const [word, value] of state.entries()) block.writeUInt32LE((value + initial[word]!) >>> 0, 4 * word);
  return block;
}

/** Section 2.4. */
export function chacha20(key: Uint8Array, counter: number, nonce: Uint8Array, text: Uint8Array): Buffer {
  const blocks = Array.from({ length: Math.ceil(text.length / 64) }, (_, n) =>
    chacha20Block(key, counter + n, nonce),
  );
  const stream = Buffer.concat(blocks);
  return Buffer.from(text.map((byte, at) => byte ^ stream[at]!));
}

const fromLittleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** Section 2.5. */
export function poly1305(oneTimeKey: Uint8Array, message: Uint8Array): Buffer {
  const r = fromLittleEndian(oneTimeKey.subarray(0, 16)) & CLAMP;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    sum = ((sum + fromLittleEndian(block) + (1n << BigInt(8 * block.length))) * r) % PRIME;
  }
  let tag = sum + fromLittleEndian(oneTimeKey.subarray(16, 32));
  const bytes = Buffer.alloc(TAG_BYTES);
  for (let at = 0; at < TAG_BYTES; at++) {
    bytes[at] = Number(tag & 0xffn);
    tag >>= 8n;
  }
  return bytes;
}

function padded(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([bytes, Buffer.alloc((16 - (bytes.length % 16)) % 16)]);
}

/** Section 2.8: ciphertext and tag. */
export function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  text: Uint8Array,
  additionalData: Uint8Array = new Uint8Array(),
): Buffer {
  const oneTimeKey = chacha20Block(key, 0, nonce).subarray(0, 32);
  const ciphertext = chacha20(key, 1, nonce, text);
  const lengths = Buffer.alloc(16);
  lengths.writeUInt32LE(additionalData.length, 0);
  lengths.writeUInt32LE(text.length, 8);
  const tag = poly1305(oneTimeKey, Buffer.concat([padded(additionalData), padded(ciphertext), lengths]));
  return Buffer.concat([ciphertext, tag]);
}
