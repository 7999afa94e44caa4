// ChaCha20-Poly1305 (RFC 8439) without additional data, for packets of one connection: the nonce is a 64-bit counter of
// packets and 32 bits that say which side sends.
//
// Four blocks of keystream are made at once, one in each lane of sixteen vectors; meanwhile the scalar units work on
// Poly1305, a pair of its blocks in each double round. A core has separate units for the two, so the authenticator
// costs little beside the cipher.

const BLOCK_BYTES: usize = 64;
/** Four blocks of keystream. */
const STRIDE_BYTES: usize = 256;
const TAG_BYTES: usize = 16;
/** Double rounds of a block, and pairs of Poly1305 blocks in STRIDE_BYTES. */
const DOUBLE_ROUNDS: usize = 10;
const STRIDE_PAIRS: usize = 8;

/** Keystream of four blocks, one after the other. */
const STREAM: usize = memory.data(256, 64);
/** Poly1305 keys of four packets, 32 bytes each. */
const ONE_TIME_KEYS: usize = memory.data(128, 64);
/** Poly1305: five limbs of the sum, four of r, three of r * 5/4, each a u64. */
const POLY: usize = memory.data(96, 64);
/** The last bytes of a text, zero-padded to whole Poly1305 blocks. */
const PARTIAL: usize = memory.data(16, 16);

/** "expand 32-byte k", RFC 8439 section 2.3. */
const C0: u32 = 0x61707865;
const C1: u32 = 0x3320646e;
const C2: u32 = 0x79622d32;
const C3: u32 = 0x6b206574;

const LOW32: u64 = 0xffffffff;

// Rotations by whole bytes. The patterns are loaded because V8 builds the constant of a `shuffle` each time: with it a
// packet takes 1.15 times as long. All indices are below 16, where relaxed_swizzle means the same on every machine.
const LEFT16: usize = memory.data<u8>([2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13], 16);
const LEFT8: usize = memory.data<u8>([3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14], 16);

// @ts-ignore: decorator
@inline function rotate16(x: v128): v128 {
  return i8x16.relaxed_swizzle(x, v128.load(LEFT16));
}
// @ts-ignore: decorator
@inline function rotate12(x: v128): v128 {
  return v128.or(i32x4.shl(x, 12), i32x4.shr_u(x, 20));
}
// @ts-ignore: decorator
@inline function rotate8(x: v128): v128 {
  return i8x16.relaxed_swizzle(x, v128.load(LEFT8));
}
// @ts-ignore: decorator
@inline function rotate7(x: v128): v128 {
  return v128.or(i32x4.shl(x, 7), i32x4.shr_u(x, 25));
}

/** Turns four vectors of the same word of four blocks into four words of each block, at `at` of each block. */
// @ts-ignore: decorator
@inline function storeWords(at: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const cd = i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const ab2 = i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  const cd2 = i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  v128.store(at, i8x16.shuffle(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
  v128.store(at, i8x16.shuffle(ab, cd, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 64);
  v128.store(at, i8x16.shuffle(ab2, cd2, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23), 128);
  v128.store(at, i8x16.shuffle(ab2, cd2, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 192);
}

/**
 * Four blocks of keystream to STREAM, whose words 12 to 15 are the lanes of `count`, `low`, `high` and `sender`.
 * Meanwhile `pairs` (at most 10) pairs of Poly1305 blocks at `text` are added to the sum.
 */
function fourBlocks(
  key: usize, count: v128, low: v128, high: v128, sender: v128, text: usize, pairs: usize,
): void {
  let x0 = i32x4.splat(C0), x1 = i32x4.splat(C1), x2 = i32x4.splat(C2), x3 = i32x4.splat(C3);
  let x4 = v128.load32_splat(key), x5 = v128.load32_splat(key, 4);
  let x6 = v128.load32_splat(key, 8), x7 = v128.load32_splat(key, 12);
  let x8 = v128.load32_splat(key, 16), x9 = v128.load32_splat(key, 20);
  let x10 = v128.load32_splat(key, 24), x11 = v128.load32_splat(key, 28);
  let x12 = count, x13 = low, x14 = high, x15 = sender;
  const last = DOUBLE_ROUNDS - pairs;

  for (let round = DOUBLE_ROUNDS; round > 0; round--) {
    // Columns.
    x0 = i32x4.add(x0, x4); x1 = i32x4.add(x1, x5); x2 = i32x4.add(x2, x6); x3 = i32x4.add(x3, x7);
    x12 = rotate16(v128.xor(x12, x0)); x13 = rotate16(v128.xor(x13, x1));
    x14 = rotate16(v128.xor(x14, x2)); x15 = rotate16(v128.xor(x15, x3));
    x8 = i32x4.add(x8, x12); x9 = i32x4.add(x9, x13); x10 = i32x4.add(x10, x14); x11 = i32x4.add(x11, x15);
    x4 = rotate12(v128.xor(x4, x8)); x5 = rotate12(v128.xor(x5, x9));
    x6 = rotate12(v128.xor(x6, x10)); x7 = rotate12(v128.xor(x7, x11));
    x0 = i32x4.add(x0, x4); x1 = i32x4.add(x1, x5); x2 = i32x4.add(x2, x6); x3 = i32x4.add(x3, x7);
    x12 = rotate8(v128.xor(x12, x0)); x13 = rotate8(v128.xor(x13, x1));
    x14 = rotate8(v128.xor(x14, x2)); x15 = rotate8(v128.xor(x15, x3));
    x8 = i32x4.add(x8, x12); x9 = i32x4.add(x9, x13); x10 = i32x4.add(x10, x14); x11 = i32x4.add(x11, x15);
    x4 = rotate7(v128.xor(x4, x8)); x5 = rotate7(v128.xor(x5, x9));
    x6 = rotate7(v128.xor(x6, x10)); x7 = rotate7(v128.xor(x7, x11));
    if (round > last) {
      addBlock(text);
      addBlock(text + TAG_BYTES);
      text += 2 * TAG_BYTES;
    }
    // Diagonals.
    x0 = i32x4.add(x0, x5); x1 = i32x4.add(x1, x6); x2 = i32x4.add(x2, x7); x3 = i32x4.add(x3, x4);
    x15 = rotate16(v128.xor(x15, x0)); x12 = rotate16(v128.xor(x12, x1));
    x13 = rotate16(v128.xor(x13, x2)); x14 = rotate16(v128.xor(x14, x3));
    x10 = i32x4.add(x10, x15); x11 = i32x4.add(x11, x12); x8 = i32x4.add(x8, x13); x9 = i32x4.add(x9, x14);
    x5 = rotate12(v128.xor(x5, x10)); x6 = rotate12(v128.xor(x6, x11));
    x7 = rotate12(v128.xor(x7, x8)); x4 = rotate12(v128.xor(x4, x9));
    x0 = i32x4.add(x0, x5); x1 = i32x4.add(x1, x6); x2 = i32x4.add(x2, x7); x3 = i32x4.add(x3, x4);
    x15 = rotate8(v128.xor(x15, x0)); x12 = rotate8(v128.xor(x12, x1));
    x13 = rotate8(v128.xor(x13, x2)); x14 = rotate8(v128.xor(x14, x3));
    x10 = i32x4.add(x10, x15); x11 = i32x4.add(x11, x12); x8 = i32x4.add(x8, x13); x9 = i32x4.add(x9, x14);
    x5 = rotate7(v128.xor(x5, x10)); x6 = rotate7(v128.xor(x6, x11));
    x7 = rotate7(v128.xor(x7, x8)); x4 = rotate7(v128.xor(x4, x9));
  }

  storeWords(
    STREAM, i32x4.add(x0, i32x4.splat(C0)), i32x4.add(x1, i32x4.splat(C1)),
    i32x4.add(x2, i32x4.splat(C2)), i32x4.add(x3, i32x4.splat(C3)),
  );
  storeWords(
    STREAM + 16, i32x4.add(x4, v128.load32_splat(key)), i32x4.add(x5, v128.load32_splat(key, 4)),
    i32x4.add(x6, v128.load32_splat(key, 8)), i32x4.add(x7, v128.load32_splat(key, 12)),
  );
  storeWords(
    STREAM + 32, i32x4.add(x8, v128.load32_splat(key, 16)), i32x4.add(x9, v128.load32_splat(key, 20)),
    i32x4.add(x10, v128.load32_splat(key, 24)), i32x4.add(x11, v128.load32_splat(key, 28)),
  );
  storeWords(
    STREAM + 48, i32x4.add(x12, count), i32x4.add(x13, low), i32x4.add(x14, high), i32x4.add(x15, sender),
  );
}

/** Starts a sum with the r of a one-time key (RFC 8439 section 2.5): r is clamped, so its limbs have 28 bits. */
function startSum(oneTimeKey: usize): void {
  const r1: u64 = load<u32>(oneTimeKey, 4) & 0x0ffffffc;
  const r2: u64 = load<u32>(oneTimeKey, 8) & 0x0ffffffc;
  const r3: u64 = load<u32>(oneTimeKey, 12) & 0x0ffffffc;
  memory.fill(POLY, 0, 40);
  store<u64>(POLY, load<u32>(oneTimeKey) & 0x0fffffff, 40);
  store<u64>(POLY, r1, 48);
  store<u64>(POLY, r2, 56);
  store<u64>(POLY, r3, 64);
  // 2^130 is 5, so 2^128 is 5/4; the clamped limbs are multiples of 4.
  store<u64>(POLY, r1 + (r1 >> 2), 72);
  store<u64>(POLY, r2 + (r2 >> 2), 80);
  store<u64>(POLY, r3 + (r3 >> 2), 88);
}

/**
 * sum = (sum + block + 2^128) * r, in limbs of 32 bits. Carries go up once: limbs stay below 2^34, r's below 2^28.4
 * also times 5/4, so that four products and what is carried fit 64 bits.
 */
// @ts-ignore: decorator
@inline function addBlock(block: usize): void {
  const h0 = load<u64>(POLY) + <u64>load<u32>(block);
  const h1 = load<u64>(POLY, 8) + <u64>load<u32>(block, 4);
  const h2 = load<u64>(POLY, 16) + <u64>load<u32>(block, 8);
  const h3 = load<u64>(POLY, 24) + <u64>load<u32>(block, 12);
  const h4 = load<u64>(POLY, 32) + 1;
  const r0 = load<u64>(POLY, 40), r1 = load<u64>(POLY, 48), r2 = load<u64>(POLY, 56), r3 = load<u64>(POLY, 64);
  const s1 = load<u64>(POLY, 72), s2 = load<u64>(POLY, 80), s3 = load<u64>(POLY, 88);
  const d0 = h0 * r0 + h1 * s3 + (h2 * s2 + h3 * s1);
  const d1 = h0 * r1 + h1 * r0 + (h2 * s3 + h3 * s2) + h4 * s1 + (d0 >> 32);
  const d2 = h0 * r2 + h1 * r1 + (h2 * r0 + h3 * s3) + h4 * s2 + (d1 >> 32);
  const d3 = h0 * r3 + h1 * r2 + (h2 * r1 + h3 * r0) + h4 * s3 + (d2 >> 32);
  const d4 = h4 * r0 + (d3 >> 32);
  store<u64>(POLY, (d0 & LOW32) + (d4 >> 2) * 5);
  store<u64>(POLY, d1 & LOW32, 8);
  store<u64>(POLY, d2 & LOW32, 16);
  store<u64>(POLY, d3 & LOW32, 24);
  store<u64>(POLY, d4 & 3, 32);
}

/** Adds `bytes` of text, the last block padded with zeros. */
function addText(text: usize, bytes: usize): void {
  let at: usize = 0;
  for (; at + TAG_BYTES <= bytes; at += TAG_BYTES) addBlock(text + at);
  if (at < bytes) {
    v128.store(PARTIAL, i64x2.splat(0));
    memory.copy(PARTIAL, text + at, bytes - at);
    addBlock(PARTIAL);
  }
}

/** Adds the lengths of no additional data and of a text (RFC 8439 section 2.8). */
function addLengths(textBytes: usize): void {
  store<u64>(PARTIAL, 0);
  store<u64>(PARTIAL, textBytes, 8);
  addBlock(PARTIAL);
}

/** Reduces the sum, adds the s of the one-time key, and stores the tag. No branch depends on a secret. */
function finishTag(oneTimeKey: usize, tag: usize): void {
  let h0 = load<u64>(POLY), h1 = load<u64>(POLY, 8), h2 = load<u64>(POLY, 16), h3 = load<u64>(POLY, 24);
  let h4 = load<u64>(POLY, 32);
  // Whole carries, twice: what comes out on top is at most 5 once more.
  for (let i = 0; i < 2; i++) {
    h1 += h0 >> 32; h0 &= LOW32;
    h2 += h1 >> 32; h1 &= LOW32;
    h3 += h2 >> 32; h2 &= LOW32;
    h4 += h3 >> 32; h3 &= LOW32;
    h0 += (h4 >> 2) * 5; h4 &= 3;
  }
  // h - p is h + 5 - 2^130, and is the result when h + 5 reaches 2^130.
  let g0 = h0 + 5, g1 = h1 + (g0 >> 32), g2 = h2 + (g1 >> 32), g3 = h3 + (g2 >> 32);
  const reaches = <u64>0 - ((h4 + (g3 >> 32)) >> 2);
  h0 = (h0 & ~reaches) | (g0 & reaches);
  h1 = (h1 & ~reaches) | (g1 & reaches);
  h2 = (h2 & ~reaches) | (g2 & reaches);
  h3 = (h3 & ~reaches) | (g3 & reaches);
  h0 = (h0 & LOW32) + load<u32>(oneTimeKey, 16);
  h1 = (h1 & LOW32) + load<u32>(oneTimeKey, 20) + (h0 >> 32);
  h2 = (h2 & LOW32) + load<u32>(oneTimeKey, 24) + (h1 >> 32);
  h3 = (h3 & LOW32) + load<u32>(oneTimeKey, 28) + (h2 >> 32);
  store<u32>(tag, <u32>h0);
  store<u32>(tag, <u32>h1, 4);
  store<u32>(tag, <u32>h2, 8);
  store<u32>(tag, <u32>h3, 12);
}

/** to = from xor STREAM, for whole vectors and then single bytes; `to` may be `from`. */
function xorStream(from: usize, to: usize, bytes: usize): void {
  let at: usize = 0;
  for (; at + 16 <= bytes; at += 16) {
    v128.store(to + at, v128.xor(v128.load(from + at), v128.load(STREAM + at)));
  }
  for (; at < bytes; at++) store<u8>(to + at, load<u8>(from + at) ^ load<u8>(STREAM + at));
}

/** The one-time keys (RFC 8439 section 2.6) of four packets from `counter` on. */
function fourOneTimeKeys(key: usize, counter: u64, sender: u32): void {
  const first = i64x2.splat(counter);
  const ones = i64x2.add(first, i64x2(0, 1)), others = i64x2.add(first, i64x2(2, 3));
  const low = i8x16.shuffle(ones, others, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27);
  const high = i8x16.shuffle(ones, others, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  fourBlocks(key, i32x4.splat(0), low, high, i32x4.splat(sender), 0, 0);
  for (let i: usize = 0; i < 4; i++) memory.copy(ONE_TIME_KEYS + 32 * i, STREAM + BLOCK_BYTES * i, 32);
}

/** Keystream from byte `at` of a text on: block 0 is the one-time key, so texts begin with block 1. */
// @ts-ignore: decorator
@inline function textStream(key: usize, at: usize, counter: u64, sender: u32, text: usize, pairs: usize): void {
  const count = i32x4.add(i32x4.splat(<u32>(at / BLOCK_BYTES)), i32x4(1, 2, 3, 4));
  fourBlocks(
    key, count, i32x4.splat(<u32>counter), i32x4.splat(<u32>(counter >> 32)), i32x4.splat(sender), text, pairs,
  );
}

/** Deciphers in place; PARTIAL gets the tag of the ciphertext that was there. */
function openOne(key: usize, oneTimeKey: usize, packet: usize, textBytes: usize, counter: u64, sender: u32): void {
  startSum(oneTimeKey);
  let at: usize = 0;
  for (; at + STRIDE_BYTES <= textBytes; at += STRIDE_BYTES) {
    textStream(key, at, counter, sender, packet + at, STRIDE_PAIRS);
    xorStream(packet + at, packet + at, STRIDE_BYTES);
  }
  const rest = textBytes - at;
  const pairs = rest / (2 * TAG_BYTES);
  if (rest > 0) textStream(key, at, counter, sender, packet + at, pairs);
  addText(packet + at + pairs * 2 * TAG_BYTES, rest - pairs * 2 * TAG_BYTES);
  xorStream(packet + at, packet + at, rest);
  addLengths(textBytes);
  finishTag(oneTimeKey, PARTIAL);
}

/** Enciphers from `text` to `packet`; Poly1305 follows a stride behind, on what was just enciphered. */
function sealOne(
  key: usize, oneTimeKey: usize, text: usize, packet: usize, textBytes: usize, counter: u64, sender: u32,
): void {
  startSum(oneTimeKey);
  let at: usize = 0, summed: usize = 0;
  for (; at < textBytes; at += STRIDE_BYTES) {
    textStream(key, at, counter, sender, packet + summed, at > 0 ? STRIDE_PAIRS : 0);
    summed = at;
    xorStream(text + at, packet + at, min(textBytes - at, STRIDE_BYTES));
  }
  addText(packet + summed, textBytes - summed);
  addLengths(textBytes);
  finishTag(oneTimeKey, packet + textBytes);
}

/**
 * Opens `count` packets of `packetBytes` each, one after the other at `packets`, in place: a packet's text stays where
 * it was, its tag behind it. Returns how many were good before the first bad one, whose text is then garbage.
 * `counter` is that of the first packet.
 */
export function openPackets(
  key: usize, packets: usize, count: usize, packetBytes: usize, counter: u64, sender: u32,
): usize {
  const textBytes = packetBytes - TAG_BYTES;
  for (let i: usize = 0; i < count; i++) {
    if ((i & 3) == 0) fourOneTimeKeys(key, counter + i, sender);
    const packet = packets + i * packetBytes;
    openOne(key, ONE_TIME_KEYS + 32 * (i & 3), packet, textBytes, counter + i, sender);
    const difference = v128.xor(v128.load(PARTIAL), v128.load(packet + textBytes));
    if (v128.any_true(difference)) return i;
  }
  return count;
}

/** Seals `count` packets from the texts at `texts`, which lie without gaps, to `packets`, which must lie apart. */
export function sealPackets(
  key: usize, texts: usize, packets: usize, count: usize, packetBytes: usize, counter: u64, sender: u32,
): void {
  const textBytes = packetBytes - TAG_BYTES;
  for (let i: usize = 0; i < count; i++) {
    if ((i & 3) == 0) fourOneTimeKeys(key, counter + i, sender);
    sealOne(
      key, ONE_TIME_KEYS + 32 * (i & 3), texts + i * textBytes, packets + i * packetBytes, textBytes, counter + i, sender,
    );
  }
}

/** Poly1305 of whole blocks, for the vectors of RFC 8439 whose sums sit at the edges of the reduction. */
export function authenticate(oneTimeKey: usize, text: usize, bytes: usize, tag: usize): void {
  startSum(oneTimeKey);
  addText(text, bytes);
  finishTag(oneTimeKey, tag);
}
