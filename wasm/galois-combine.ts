// Reed-Solomon as a matrix product over GF(2^8) with polynomial 0x11d: target = sum of coefficient * source.
//
// Multiplying by a constant is linear, so c*x = c*(low nibble) + c*(high nibble): two tables of 16 bytes per constant,
// each looked up for 16 bytes at once by a byte permutation. The indices are below 16, where relaxed_swizzle means
// the same on every machine; it saves the clamping that plain swizzle needs on x86.

/** Tables of one coefficient: 16 products of the low nibble, then 16 of the high one. */
const TABLE_BYTES: usize = 32;
/** Targets computed together, so that a source is loaded and split into nibbles once for all of them. */
const GROUP: usize = 4;
/** Bytes of each source that stay in the cache while all targets use them. */
const BLOCK_BYTES: usize = 8192;

/** Room for 128 x 128 coefficients, the most that a code of 256 shards can need to rebuild all it can lose. */
const TABLES: usize = memory.data(128 * 128 * 32, 64);

// @ts-ignore: decorator
@inline function double(x: u32): u32 {
  return ((x << 1) ^ ((x >> 7) * 0x11d)) & 0xff;
}

/** Products of `coefficient` with 0..15 and with 0, 16, .. 240. */
function buildTable(coefficient: u32, table: usize): void {
  let product = coefficient;
  store<u8>(table, 0);
  for (let size: usize = 1; size < 16; size <<= 1) {
    for (let i: usize = 0; i < size; i++) store<u8>(table + size + i, product ^ load<u8>(table + i));
    product = double(product);
  }
  store<u8>(table, 0, 16);
  for (let size: usize = 1; size < 16; size <<= 1) {
    for (let i: usize = 0; i < size; i++) store<u8>(table + size + i, product ^ load<u8>(table + i, 16), 16);
    product = double(product);
  }
}

// @ts-ignore: decorator
@inline function lowNibbles(x: v128): v128 {
  return v128.and(x, i8x16.splat(15));
}
// @ts-ignore: decorator
@inline function highNibbles(x: v128): v128 {
  return v128.and(i16x8.shr_u(x, 4), i8x16.splat(15));
}
// @ts-ignore: decorator
@inline function addProduct(sum: v128, lowTable: v128, highTable: v128, low: v128, high: v128): v128 {
  return v128.xor(v128.xor(sum, i8x16.relaxed_swizzle(lowTable, low)), i8x16.relaxed_swizzle(highTable, high));
}

/**
 * Four targets, 32 bytes of each at a time: with more accumulators and nibbles the vector registers would not do.
 * `tables` has, for each source, those of the four targets.
 */
function combineFour(sources: usize, sourceCount: usize, targets: usize, tables: usize, from: usize, to: usize): void {
  const a: usize = load<u32>(targets), b: usize = load<u32>(targets, 4);
  const c: usize = load<u32>(targets, 8), d: usize = load<u32>(targets, 12);
  for (let at = from; at < to; at += 32) {
    let a0 = i64x2.splat(0), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, d0 = a0, d1 = a0;
    let table = tables;
    for (let s: usize = 0; s < sourceCount; s++) {
      const source: usize = load<u32>(sources + 4 * s) + at;
      const x0 = v128.load(source), x1 = v128.load(source, 16);
      const low0 = lowNibbles(x0), high0 = highNibbles(x0);
      const low1 = lowNibbles(x1), high1 = highNibbles(x1);
      let lowTable = v128.load(table), highTable = v128.load(table, 16);
      a0 = addProduct(a0, lowTable, highTable, low0, high0);
      a1 = addProduct(a1, lowTable, highTable, low1, high1);
      lowTable = v128.load(table, 32); highTable = v128.load(table, 48);
      b0 = addProduct(b0, lowTable, highTable, low0, high0);
      b1 = addProduct(b1, lowTable, highTable, low1, high1);
      lowTable = v128.load(table, 64); highTable = v128.load(table, 80);
      c0 = addProduct(c0, lowTable, highTable, low0, high0);
      c1 = addProduct(c1, lowTable, highTable, low1, high1);
      lowTable = v128.load(table, 96); highTable = v128.load(table, 112);
      d0 = addProduct(d0, lowTable, highTable, low0, high0);
      d1 = addProduct(d1, lowTable, highTable, low1, high1);
      table += GROUP * TABLE_BYTES;
    }
    v128.store(a + at, a0); v128.store(a + at, a1, 16);
    v128.store(b + at, b0); v128.store(b + at, b1, 16);
    v128.store(c + at, c0); v128.store(c + at, c1, 16);
    v128.store(d + at, d0); v128.store(d + at, d1, 16);
  }
}

/** One target, 64 bytes at a time. `tables` has one for each source. */
function combineOne(sources: usize, sourceCount: usize, target: usize, tables: usize, from: usize, to: usize): void {
  for (let at = from; at < to; at += 64) {
    let a0 = i64x2.splat(0), a1 = a0, a2 = a0, a3 = a0;
    let table = tables;
    for (let s: usize = 0; s < sourceCount; s++) {
      const source: usize = load<u32>(sources + 4 * s) + at;
      const lowTable = v128.load(table), highTable = v128.load(table, 16);
      const x0 = v128.load(source), x1 = v128.load(source, 16);
      a0 = addProduct(a0, lowTable, highTable, lowNibbles(x0), highNibbles(x0));
      a1 = addProduct(a1, lowTable, highTable, lowNibbles(x1), highNibbles(x1));
      const x2 = v128.load(source, 32), x3 = v128.load(source, 48);
      a2 = addProduct(a2, lowTable, highTable, lowNibbles(x2), highNibbles(x2));
      a3 = addProduct(a3, lowTable, highTable, lowNibbles(x3), highNibbles(x3));
      table += TABLE_BYTES;
    }
    v128.store(target + at, a0);
    v128.store(target + at, a1, 16);
    v128.store(target + at, a2, 32);
    v128.store(target + at, a3, 48);
  }
}

/** Tables of `width` targets from `first` on: for each source, those of all these targets. */
function buildTables(coefficients: usize, sourceCount: usize, first: usize, width: usize): void {
  let table = TABLES + first * sourceCount * TABLE_BYTES;
  for (let s: usize = 0; s < sourceCount; s++) {
    for (let t = first; t < first + width; t++) {
      buildTable(load<u8>(coefficients + t * sourceCount + s), table);
      table += TABLE_BYTES;
    }
  }
}

/**
 * target[t] = sum over s of coefficients[t * sourceCount + s] * source[s], for `length` bytes, a multiple of 64.
 * `sources` and `targets` point to arrays of 32-bit addresses. At most 16384 coefficients.
 */
export function combine(
  sources: usize, sourceCount: usize, targets: usize, targetCount: usize, coefficients: usize, length: usize,
): void {
  const grouped = targetCount - (targetCount % GROUP);
  for (let t: usize = 0; t < grouped; t += GROUP) buildTables(coefficients, sourceCount, t, GROUP);
  for (let t = grouped; t < targetCount; t++) buildTables(coefficients, sourceCount, t, 1);

  for (let from: usize = 0; from < length; from += BLOCK_BYTES) {
    const to = min(from + BLOCK_BYTES, length);
    for (let t: usize = 0; t < grouped; t += GROUP) {
      combineFour(sources, sourceCount, targets + 4 * t, TABLES + t * sourceCount * TABLE_BYTES, from, to);
    }
    for (let t = grouped; t < targetCount; t++) {
      combineOne(sources, sourceCount, load<u32>(targets + 4 * t), TABLES + t * sourceCount * TABLE_BYTES, from, to);
    }
  }
}
