/** The duration of each round in milliseconds, in the order of the rounds. */
export type Samples = readonly number[];

/** Rounds that are not counted, because the first calls compile the code. */
const WARM_UP_ROUNDS = 3;

/**
 * Runs the contestants in turn, for `rounds` rounds after a warm-up, so that other load on the machine affects them
 * equally.
 */
export async function measureInTurn<Name extends string>(
  rounds: number,
  contestants: Readonly<Record<Name, () => unknown>>,
): Promise<Record<Name, Samples>> {
  const names = Object.keys(contestants) as Name[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const name of names) {
      const startedMs = performance.now();
      await contestants[name]();
      if (round >= 0) samples[name].push(performance.now() - startedMs);
    }
  }
  return samples;
}

export function median(samples: Samples): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)]!;
}

/**
 * Median of the per-round ratios of two contestants. A slow moment of the machine affects both times of a round, so
 * their ratio hardly changes.
 */
export function ratioOf(slower: Samples, faster: Samples): number {
  return median(slower.map((milliseconds, round) => milliseconds / faster[round]!));
}

/** Rounds to three significant digits; more would be noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3));
}
