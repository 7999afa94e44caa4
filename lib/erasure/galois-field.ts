// GF(2^8) with polynomial x^8 + x^4 + x^3 + x^2 + 1 and generator 2 (docs/protocol.md#reed-solomon-parameters).
// Only for coefficients: data is multiplied in wasm/galois-combine.ts.

const POLYNOMIAL = 0x11d;
const ORDER = 255;

/** EXP[i] = 2^i, stored twice so that a sum of two logarithms needs no reduction. */
const EXP = new Uint8Array(2 * ORDER);
const LOG = new Uint8Array(256);
for (let i = 0, value = 1; i < ORDER; i++) {
  EXP[i] = value;
  EXP[i + ORDER] = value;
  LOG[value] = i;
  value <<= 1;
  if (value > 255) value ^= POLYNOMIAL;
}

export function multiply(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : EXP[LOG[a]! + LOG[b]!]!;
}

/** The multiplicative inverse of `a`, which must not be 0. */
export function invert(a: number): number {
  return EXP[ORDER - LOG[a]!]!;
}
