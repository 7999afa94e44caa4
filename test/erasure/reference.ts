// The Reed-Solomon code in a slow and literal form (docs/protocol.md#reed-solomon-parameters): Vandermonde matrices,
// inverted by elimination, with a bitwise multiplication. lib/erasure computes the same numbers in a different way.

type Matrix = readonly (readonly number[])[];

export function multiply(a: number, b: number): number {
  let product = 0;
  for (let bit = 7; bit >= 0; bit--) {
    product <<= 1;
    if (product & 0x100) product ^= 0x11d;
    if (b & (1 << bit)) product ^= a;
  }
  return product;
}

/** a^254, as a^255 is 1. */
function inverseOf(a: number): number {
  return Array<number>(254).fill(a).reduce(multiply);
}

function times(left: Matrix, right: Matrix): Matrix {
  return left.map((row) =>
    right[0]!.map((_, column) => row.reduce((sum, value, i) => sum ^ multiply(value, right[i]![column]!), 0)),
  );
}

function inverse(matrix: Matrix): Matrix {
  const size = matrix.length;
  // Each row of the matrix, followed by the same row of the identity matrix.
  const rows = matrix.map((row, r) => [...row, ...row.map((_, column) => (column === r ? 1 : 0))]);
  for (let column = 0; column < size; column++) {
    const pivot = rows.findIndex((row, r) => r >= column && row[column] !== 0);
    [rows[column], rows[pivot]] = [rows[pivot]!, rows[column]!];
    const scale = inverseOf(rows[column]![column]!);
    rows[column] = rows[column]!.map((value) => multiply(value, scale));
    for (let r = 0; r < size; r++) {
      const factor = rows[r]![column]!;
      if (r !== column) rows[r] = rows[r]!.map((value, i) => value ^ multiply(factor, rows[column]![i]!));
    }
  }
  return rows.map((row) => row.slice(size));
}

function encodingRows(k: number, n: number): Matrix {
  const vandermonde = Array.from({ length: n }, (_, row) => {
    const powers = [1];
    while (powers.length < k) powers.push(multiply(powers.at(-1)!, row));
    return powers;
  });
  return times(vandermonde, inverse(vandermonde.slice(0, k)));
}

/** The n x k encoding matrix, row after row. */
export function vandermondeMatrix(k: number, n: number): Uint8Array {
  return Uint8Array.from(encodingRows(k, n).flat());
}

/** The targets' rows of the encoding matrix, times the inverse of the available shards' rows. */
export function matrixCoefficients(request: {
  k: number;
  n: number;
  available: readonly number[];
  targets: readonly number[];
}): Uint8Array {
  const rows = encodingRows(request.k, request.n);
  const atHand = inverse(request.available.map((index) => rows[index]!));
  return Uint8Array.from(request.targets.flatMap((index) => times([rows[index]!], atHand)[0]!));
}

/** The sum of the shards, each multiplied by its coefficient, byte by byte. */
export function weightedSum(shards: readonly Uint8Array[], coefficients: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: shards[0]!.length }, (_, at) =>
    shards.reduce((sum, shard, s) => sum ^ multiply(coefficients[s]!, shard[at]!), 0),
  );
}
