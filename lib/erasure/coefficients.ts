import { badArgument } from "../kernel/kernel-error.ts";
import { MAX_SHARDS } from "../slab/sizes.ts";
import { invert, multiply, power } from "./galois-field.ts";

/** Rows of `columns` field elements each, row after row. */
interface Matrix {
  readonly columns: number;
  readonly elements: Uint8Array;
}

/** A code of which any `k` of `n` shards give all the others, with the shards at hand and those wanted, by index. */
export interface RebuildRequest {
  readonly k: number;
  readonly n: number;
  /** Exactly `k` different shards. */
  readonly available: readonly number[];
  readonly targets: readonly number[];
}

/**
 * The encoding matrix, `n` x `k` row after row: a Vandermonde matrix times the inverse of its own top square, so that
 * data shards are encoded as themselves (docs/protocol.md, Reed-Solomon parameters).
 */
export function encodingMatrix(k: number, n: number): Uint8Array {
  if (!Number.isInteger(k) || !Number.isInteger(n) || k < 1 || n < k || n > MAX_SHARDS) {
    throw badArgument(`code: expected 1 <= k <= n <= ${MAX_SHARDS}, got ${k} of ${n}`);
  }
  const vandermonde = new Uint8Array(n * k);
  for (let row = 0; row < n; row++) {
    for (let column = 0; column < k; column++) vandermonde[row * k + column] = power(row, column);
  }
  const top = { columns: k, elements: vandermonde.slice(0, k * k) };
  return product({ columns: k, elements: vandermonde }, inverse(top)).elements;
}

/** Coefficients, `targets` x `available` row after row, that turn the available shards into the targets. */
export function rebuildCoefficients({ k, n, available, targets }: RebuildRequest): Uint8Array {
  const isIndex = (index: number) => Number.isInteger(index) && index >= 0 && index < n;
  const indices = [...available, ...targets];
  if (available.length !== k || new Set(available).size !== k) {
    throw badArgument(`rebuild: expected ${k} different available shards, got ${available.join(" ")}`);
  }
  if (!indices.every(isIndex)) {
    throw badArgument(`rebuild: expected shard indices 0 to ${n - 1}, got ${indices.join(" ")}`);
  }
  const encoding = { columns: k, elements: encodingMatrix(k, n) };
  return product(rows(encoding, targets), inverse(rows(encoding, available))).elements;
}

function rows({ columns, elements }: Matrix, indices: readonly number[]): Matrix {
  const chosen = new Uint8Array(indices.length * columns);
  indices.forEach((index, i) => {
    chosen.set(elements.subarray(index * columns, (index + 1) * columns), i * columns);
  });
  return { columns, elements: chosen };
}

function product(left: Matrix, right: Matrix): Matrix {
  const { columns } = right;
  const leftRows = left.elements.length / left.columns;
  const elements = new Uint8Array(leftRows * columns);
  for (let row = 0; row < leftRows; row++) {
    for (let inner = 0; inner < left.columns; inner++) {
      const factor = left.elements[row * left.columns + inner]!;
      addMultiple(elements, row * columns, right.elements, inner * columns, columns, factor);
    }
  }
  return { columns, elements };
}

/** Gauss and Jordan: what turns `matrix` into the identity turns the identity into its inverse. */
function inverse({ columns: size, elements }: Matrix): Matrix {
  const matrix = elements.slice();
  const result = new Uint8Array(size * size);
  for (let i = 0; i < size; i++) result[i * size + i] = 1;
  for (let column = 0; column < size; column++) {
    let pivot = column;
    while (pivot < size && matrix[pivot * size + column] === 0) pivot++;
    // Any minShards rows of an encoding matrix are independent, so this needs a wrong caller.
    if (pivot === size) throw badArgument("matrix: expected an invertible one, got a singular one");
    const scale = invert(matrix[pivot * size + column]!);
    for (const side of [matrix, result]) {
      swapRows(side, pivot, column, size);
      scaleRow(side, column, size, scale);
    }
    for (let row = 0; row < size; row++) {
      const factor = matrix[row * size + column]!;
      if (row === column || factor === 0) continue;
      for (const side of [matrix, result]) addMultiple(side, row * size, side, column * size, size, factor);
    }
  }
  return { columns: size, elements: result };
}

function swapRows(elements: Uint8Array, a: number, b: number, size: number): void {
  const held = elements.slice(a * size, (a + 1) * size);
  elements.copyWithin(a * size, b * size, (b + 1) * size);
  elements.set(held, b * size);
}

function scaleRow(elements: Uint8Array, row: number, size: number, factor: number): void {
  for (let i = row * size; i < (row + 1) * size; i++) elements[i] = multiply(elements[i]!, factor);
}

/** target row += factor * source row. */
function addMultiple(
  target: Uint8Array,
  targetAt: number,
  source: Uint8Array,
  sourceAt: number,
  length: number,
  factor: number,
): void {
  for (let i = 0; i < length; i++) target[targetAt + i]! ^= multiply(source[sourceAt + i]!, factor);
}
