// BLAKE2b-256 of 65-byte inputs: one prefix byte and a block of 64 bytes. That is every hash of Sia's Merkle tree
// (docs/protocol.md#merkle-trees), and all that this file can hash.
//
// What follows from the fixed length, compared with RFC 7693:
//   * one compression per hash, the final one, with byte counter 65;
//   * message words 9 to 15 are zero, so that 7 of every 16 additions vanish;
//   * word i of the message starts one byte before word i of the block.
//
// Three blocks are hashed at once: two in the lanes of vectors (`v…`), one in scalar registers (`s…`). A core has
// separate units for the two, and either alone leaves half of them idle.

/** Initialisation vector, RFC 7693 section 2.6. */
const IV0: u64 = 0x6a09e667f3bcc908;
const IV1: u64 = 0xbb67ae8584caa73b;
const IV2: u64 = 0x3c6ef372fe94f82b;
const IV3: u64 = 0xa54ff53a5f1d36f1;
const IV4: u64 = 0x510e527fade682d1;
const IV5: u64 = 0x9b05688c2b3e6c1f;
const IV6: u64 = 0x1f83d9abfb41bd6b;
const IV7: u64 = 0x5be0cd19137e2179;

/** First state word: parameter block with digest length 32, no key, fanout 1, depth 1 (RFC 7693 section 2.5). */
const H0: u64 = IV0 ^ 0x01010020;
/** Word 12: bytes hashed so far. */
const COUNTED: u64 = IV4 ^ 65;
/** Word 14: this block is the last. */
const FINAL: u64 = ~IV6;

/** A word's place in MESSAGE: 16 bytes for the two vector lanes, 8 for the scalar stream, 8 unused. */
const WORD_STRIDE: usize = 32;
const SCALAR: usize = 16;
const MESSAGE: usize = memory.data(16 * 32, 16);

/** Message schedule of the 12 rounds (RFC 7693 section 2.7), each word times WORD_STRIDE. */
const SIGMA: usize = memory.data<u16>([
  0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480,
  448, 320, 128, 256, 288, 480, 416, 192, 32, 384, 0, 64, 352, 224, 160, 96,
  352, 256, 384, 0, 160, 64, 480, 416, 320, 448, 96, 192, 224, 32, 288, 128,
  224, 288, 96, 32, 416, 384, 352, 448, 64, 192, 160, 320, 128, 0, 480, 256,
  288, 0, 160, 224, 64, 128, 320, 480, 448, 32, 352, 384, 192, 256, 96, 416,
  64, 384, 192, 320, 0, 352, 256, 96, 128, 416, 224, 160, 480, 448, 32, 288,
  384, 160, 32, 480, 448, 416, 128, 320, 0, 224, 192, 96, 288, 64, 256, 352,
  416, 352, 224, 448, 384, 32, 96, 288, 160, 0, 480, 128, 256, 192, 64, 320,
  192, 480, 448, 288, 352, 96, 0, 256, 384, 64, 416, 224, 32, 128, 320, 160,
  320, 64, 256, 128, 224, 192, 32, 160, 480, 352, 288, 448, 96, 384, 416, 0,
  0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 480,
  448, 320, 128, 256, 288, 480, 416, 192, 32, 384, 0, 64, 352, 224, 160, 96,
]);

// The steps of G (RFC 7693 section 3.1), for vectors and for scalars. Rotations by whole bytes are byte permutations;
// as `shuffle`, whose pattern is part of the instruction, the tree takes 0.83 of its time with `swizzle`.

// @ts-ignore: decorator
@inline function vAddWord(a: v128, b: v128, round: usize, at: usize): v128 {
  return i64x2.add(i64x2.add(a, v128.load(MESSAGE + load<u16>(round + 2 * at))), b);
}
// @ts-ignore: decorator
@inline function vRotate32(x: v128): v128 {
  return i8x16.shuffle(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
}
// @ts-ignore: decorator
@inline function vRotate24(x: v128): v128 {
  return i8x16.shuffle(x, x, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10);
}
// @ts-ignore: decorator
@inline function vRotate16(x: v128): v128 {
  return i8x16.shuffle(x, x, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9);
}
// @ts-ignore: decorator
@inline function vRotate63(x: v128): v128 {
  return v128.or(i64x2.add(x, x), i64x2.shr_u(x, 63));
}
// @ts-ignore: decorator
@inline function sAddWord(a: u64, b: u64, round: usize, at: usize): u64 {
  return a + load<u64>(MESSAGE + load<u16>(round + 2 * at), SCALAR) + b;
}

// @ts-ignore: decorator
@inline function storeWord(at: usize, prefix: u64, first: usize, second: usize, third: usize): void {
  const word = MESSAGE + at * WORD_STRIDE;
  if (at == 0) {
    const pair = v128.load64_lane(second, v128.load64_zero(first), 1);
    v128.store(word, v128.or(i64x2.shl(pair, 8), i64x2.splat(prefix)));
    store<u64>(word, (load<u64>(third) << 8) | prefix, SCALAR);
  } else if (at < 8) {
    const before = 8 * at - 1;
    v128.store(word, v128.load64_lane(second + before, v128.load64_zero(first + before), 1));
    store<u64>(word, load<u64>(third + before), SCALAR);
  } else {
    store<u64>(word, load<u8>(first, 63));
    store<u64>(word, load<u8>(second, 63), 8);
    store<u64>(word, load<u8>(third, 63), SCALAR);
  }
}

/** Hashes the blocks at `first`, `second` and `third`, each after `prefix`, and stores their digests of 32 bytes. */
export function hashThree(
  prefix: u64, first: usize, second: usize, third: usize, outFirst: usize, outSecond: usize, outThird: usize,
): void {
  storeWord(0, prefix, first, second, third);
  storeWord(1, prefix, first, second, third);
  storeWord(2, prefix, first, second, third);
  storeWord(3, prefix, first, second, third);
  storeWord(4, prefix, first, second, third);
  storeWord(5, prefix, first, second, third);
  storeWord(6, prefix, first, second, third);
  storeWord(7, prefix, first, second, third);
  storeWord(8, prefix, first, second, third);

  let v0 = i64x2.splat(H0), v1 = i64x2.splat(IV1), v2 = i64x2.splat(IV2), v3 = i64x2.splat(IV3);
  let v4 = i64x2.splat(IV4), v5 = i64x2.splat(IV5), v6 = i64x2.splat(IV6), v7 = i64x2.splat(IV7);
  let v8 = i64x2.splat(IV0), v9 = i64x2.splat(IV1), v10 = i64x2.splat(IV2), v11 = i64x2.splat(IV3);
  let v12 = i64x2.splat(COUNTED), v13 = i64x2.splat(IV5), v14 = i64x2.splat(FINAL), v15 = i64x2.splat(IV7);
  let s0 = H0, s1 = IV1, s2 = IV2, s3 = IV3, s4 = IV4, s5 = IV5, s6 = IV6, s7 = IV7;
  let s8 = IV0, s9 = IV1, s10 = IV2, s11 = IV3, s12 = COUNTED, s13 = IV5, s14 = FINAL, s15 = IV7;

  for (let round = SIGMA; round < SIGMA + 12 * 32; round += 32) {
    // Columns.
    v0 = vAddWord(v0, v4, round, 0); s0 = sAddWord(s0, s4, round, 0);
    v1 = vAddWord(v1, v5, round, 2); s1 = sAddWord(s1, s5, round, 2);
    v2 = vAddWord(v2, v6, round, 4); s2 = sAddWord(s2, s6, round, 4);
    v3 = vAddWord(v3, v7, round, 6); s3 = sAddWord(s3, s7, round, 6);
    v12 = vRotate32(v128.xor(v12, v0)); s12 = rotr(s12 ^ s0, 32);
    v13 = vRotate32(v128.xor(v13, v1)); s13 = rotr(s13 ^ s1, 32);
    v14 = vRotate32(v128.xor(v14, v2)); s14 = rotr(s14 ^ s2, 32);
    v15 = vRotate32(v128.xor(v15, v3)); s15 = rotr(s15 ^ s3, 32);
    v8 = i64x2.add(v8, v12); s8 += s12;
    v9 = i64x2.add(v9, v13); s9 += s13;
    v10 = i64x2.add(v10, v14); s10 += s14;
    v11 = i64x2.add(v11, v15); s11 += s15;
    v4 = vRotate24(v128.xor(v4, v8)); s4 = rotr(s4 ^ s8, 24);
    v5 = vRotate24(v128.xor(v5, v9)); s5 = rotr(s5 ^ s9, 24);
    v6 = vRotate24(v128.xor(v6, v10)); s6 = rotr(s6 ^ s10, 24);
    v7 = vRotate24(v128.xor(v7, v11)); s7 = rotr(s7 ^ s11, 24);
    v0 = vAddWord(v0, v4, round, 1); s0 = sAddWord(s0, s4, round, 1);
    v1 = vAddWord(v1, v5, round, 3); s1 = sAddWord(s1, s5, round, 3);
    v2 = vAddWord(v2, v6, round, 5); s2 = sAddWord(s2, s6, round, 5);
    v3 = vAddWord(v3, v7, round, 7); s3 = sAddWord(s3, s7, round, 7);
    v12 = vRotate16(v128.xor(v12, v0)); s12 = rotr(s12 ^ s0, 16);
    v13 = vRotate16(v128.xor(v13, v1)); s13 = rotr(s13 ^ s1, 16);
    v14 = vRotate16(v128.xor(v14, v2)); s14 = rotr(s14 ^ s2, 16);
    v15 = vRotate16(v128.xor(v15, v3)); s15 = rotr(s15 ^ s3, 16);
    v8 = i64x2.add(v8, v12); s8 += s12;
    v9 = i64x2.add(v9, v13); s9 += s13;
    v10 = i64x2.add(v10, v14); s10 += s14;
    v11 = i64x2.add(v11, v15); s11 += s15;
    v4 = vRotate63(v128.xor(v4, v8)); s4 = rotr(s4 ^ s8, 63);
    v5 = vRotate63(v128.xor(v5, v9)); s5 = rotr(s5 ^ s9, 63);
    v6 = vRotate63(v128.xor(v6, v10)); s6 = rotr(s6 ^ s10, 63);
    v7 = vRotate63(v128.xor(v7, v11)); s7 = rotr(s7 ^ s11, 63);

    // Diagonals.
    v0 = vAddWord(v0, v5, round, 8); s0 = sAddWord(s0, s5, round, 8);
    v1 = vAddWord(v1, v6, round, 10); s1 = sAddWord(s1, s6, round, 10);
    v2 = vAddWord(v2, v7, round, 12); s2 = sAddWord(s2, s7, round, 12);
    v3 = vAddWord(v3, v4, round, 14); s3 = sAddWord(s3, s4, round, 14);
    v15 = vRotate32(v128.xor(v15, v0)); s15 = rotr(s15 ^ s0, 32);
    v12 = vRotate32(v128.xor(v12, v1)); s12 = rotr(s12 ^ s1, 32);
    v13 = vRotate32(v128.xor(v13, v2)); s13 = rotr(s13 ^ s2, 32);
    v14 = vRotate32(v128.xor(v14, v3)); s14 = rotr(s14 ^ s3, 32);
    v10 = i64x2.add(v10, v15); s10 += s15;
    v11 = i64x2.add(v11, v12); s11 += s12;
    v8 = i64x2.add(v8, v13); s8 += s13;
    v9 = i64x2.add(v9, v14); s9 += s14;
    v5 = vRotate24(v128.xor(v5, v10)); s5 = rotr(s5 ^ s10, 24);
    v6 = vRotate24(v128.xor(v6, v11)); s6 = rotr(s6 ^ s11, 24);
    v7 = vRotate24(v128.xor(v7, v8)); s7 = rotr(s7 ^ s8, 24);
    v4 = vRotate24(v128.xor(v4, v9)); s4 = rotr(s4 ^ s9, 24);
    v0 = vAddWord(v0, v5, round, 9); s0 = sAddWord(s0, s5, round, 9);
    v1 = vAddWord(v1, v6, round, 11); s1 = sAddWord(s1, s6, round, 11);
    v2 = vAddWord(v2, v7, round, 13); s2 = sAddWord(s2, s7, round, 13);
    v3 = vAddWord(v3, v4, round, 15); s3 = sAddWord(s3, s4, round, 15);
    v15 = vRotate16(v128.xor(v15, v0)); s15 = rotr(s15 ^ s0, 16);
    v12 = vRotate16(v128.xor(v12, v1)); s12 = rotr(s12 ^ s1, 16);
    v13 = vRotate16(v128.xor(v13, v2)); s13 = rotr(s13 ^ s2, 16);
    v14 = vRotate16(v128.xor(v14, v3)); s14 = rotr(s14 ^ s3, 16);
    v10 = i64x2.add(v10, v15); s10 += s15;
    v11 = i64x2.add(v11, v12); s11 += s12;
    v8 = i64x2.add(v8, v13); s8 += s13;
    v9 = i64x2.add(v9, v14); s9 += s14;
    v5 = vRotate63(v128.xor(v5, v10)); s5 = rotr(s5 ^ s10, 63);
    v6 = vRotate63(v128.xor(v6, v11)); s6 = rotr(s6 ^ s11, 63);
    v7 = vRotate63(v128.xor(v7, v8)); s7 = rotr(s7 ^ s8, 63);
    v4 = vRotate63(v128.xor(v4, v9)); s4 = rotr(s4 ^ s9, 63);
  }

  storeDigestWord(outFirst, outSecond, v128.xor(v128.xor(v0, v8), i64x2.splat(H0)), 0);
  storeDigestWord(outFirst, outSecond, v128.xor(v128.xor(v1, v9), i64x2.splat(IV1)), 8);
  storeDigestWord(outFirst, outSecond, v128.xor(v128.xor(v2, v10), i64x2.splat(IV2)), 16);
  storeDigestWord(outFirst, outSecond, v128.xor(v128.xor(v3, v11), i64x2.splat(IV3)), 24);
  store<u64>(outThird, H0 ^ s0 ^ s8, 0);
  store<u64>(outThird, IV1 ^ s1 ^ s9, 8);
  store<u64>(outThird, IV2 ^ s2 ^ s10, 16);
  store<u64>(outThird, IV3 ^ s3 ^ s11, 24);
}

// @ts-ignore: decorator
@inline function storeDigestWord(outFirst: usize, outSecond: usize, pair: v128, at: usize): void {
  v128.store64_lane(outFirst + at, pair, 0);
  v128.store64_lane(outSecond + at, pair, 1);
}
