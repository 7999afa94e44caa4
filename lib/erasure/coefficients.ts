// The code's matrix is a Vandermonde matrix times the inverse of its own top square
// (docs/protocol.md#reed-solomon-parameters). In other words: the bytes of a column are the values of one polynomial of
// degree below k at the points 0, 1, .. n-1, one point per shard. Any k values determine the polynomial, and Lagrange's
// formula gives the others without inverting a matrix. Addition and subtraction in GF(2^8) are both XOR.

import { badArgument } from "../kernel/kernel-error.ts";
import { MAX_SHARDS } from "../slab/sizes.ts";
import { invert, multiply } from "./galois-field.ts";

/**
 * Which shards to compute from which, by index. In the code, any `k` of the `n` shards determine all others.
 */
export interface RebuildRequest {
  readonly k: number;
  readonly n: number;
  /** Exactly `k` different shards. */
  readonly available: readonly number[];
  readonly targets: readonly number[];
}

/** The encoding matrix, `n` x `k` in row order: it turns data shards into all shards, including the data shards. */
export function encodingMatrix(k: number, n: number): Uint8Array {
  requireCode(k, n);
  const indices = Array.from({ length: n }, (_, index) => index);
  return rebuildCoefficients({ k, n, available: indices.slice(0, k), targets: indices });
}

/** Coefficients, `targets` x `available` in row order, that turn the available shards into the targets. */
export function rebuildCoefficients(request: RebuildRequest): Uint8Array {
  requireRequest(request);
  const { k, available, targets } = request;
  const differences = available.map((point) => productOf(available.map((other) => point ^ other)));
  const coefficients = new Uint8Array(targets.length * k);
  targets.forEach((target, row) => {
    const at = row * k;
    const itself = available.indexOf(target);
    if (itself !== -1) {
      coefficients[at + itself] = 1;
      return;
    }
    const above = productOf(available.map((point) => target ^ point));
    available.forEach((point, i) => {
      coefficients[at + i] = multiply(above, invert(multiply(target ^ point, differences[i]!)));
    });
  });
  return coefficients;
}

/** Product of the nonzero factors. A factor is zero only if it is the difference between a point and itself. */
function productOf(factors: readonly number[]): number {
  return factors.reduce((product, factor) => (factor === 0 ? product : multiply(product, factor)), 1);
}

function requireCode(k: number, n: number): void {
  if (!Number.isInteger(k) || !Number.isInteger(n) || k < 1 || n < k || n > MAX_SHARDS) {
    throw badArgument(`code: expected 1 <= k <= n <= ${MAX_SHARDS}, got ${k} of ${n}`);
  }
}

function requireRequest({ k, n, available, targets }: RebuildRequest): void {
  requireCode(k, n);
  if (available.length !== k || new Set(available).size !== k) {
    throw badArgument(`rebuild: expected ${k} different available shards, got ${available.join(" ")}`);
  }
  const isIndex = (index: number) => Number.isInteger(index) && index >= 0 && index < n;
  if (![...available, ...targets].every(isIndex)) {
    throw badArgument(`rebuild: expected indices 0 to ${n - 1}, got ${[...available, ...targets].join(" ")}`);
  }
}
