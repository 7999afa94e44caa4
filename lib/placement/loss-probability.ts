/**
 * The probability that a slab is lost before it is checked again: docs/decisions/0010-urgency.md has the formula, its
 * assumption, and a table of examples.
 *
 * Every holder (a host with one or more of the slab's sectors) fails with its own probability within one horizon, a week.
 * In addition, all holders of one group (correlated-hosts.ts) fail together with probability {@link GROUP_FAILURE}. All of these
 * events are independent. The slab is lost if fewer than min_shards sectors are left: a Poisson-binomial tail, summed exactly.
 */

/** The state of a sector's holder, as far as it affects safety; a lost sector has no holder. */
export type HolderState = "good" | "bad-contract" | "bad-host";

/**
 * Probability of failure within a week.
 *
 *   good           a host that leaves permanently: a median stay of 69 weeks
 *   bad-contract   the host keeps the sector until the contract ends, but has no obligation afterwards
 *   bad-host       blocked or unusable, as often because of its price as because it is dead; the database does not tell which
 */
export const HOLDER_FAILURE: Readonly<Record<HolderState, number>> = {
  good: 0.01,
  "bad-contract": 0.05,
  "bad-host": 0.5,
};

/** Probability that a whole group fails: its operator, provider or line. Half of a good host's probability. */
export const GROUP_FAILURE = 0.005;

export interface Holder {
  /** Number of the slab's sectors. */
  readonly sectors: number;
  /** 0..1, probability within the horizon. */
  readonly failure: number;
  /** Holders of the same group are correlated; null: independent of all others. */
  readonly group: number | null;
}

/**
 * Exact except for rounding, even for tiny values, because only positive terms are added. 1 if fewer than `minShards` sectors are
 * left; 0 only below the smallest double. Never decreases if a holder is removed, becomes more likely to fail, or joins others in
 * a group.
 */
export function lossProbability(minShards: number, holders: readonly Holder[]): number {
  const live = holders.reduce((sum, { sectors }) => sum + sectors, 0);
  const spare = live - minShards;
  if (spare < 0) return 1;
  // state[f]: probability that f sectors are lost; the last entry: more than the slab can spare, which is final.
  let state = new Float64Array(spare + 2);
  state[0] = 1;
  for (const members of groupsOf(holders)) {
    const one = members.reduce(step, state);
    if (members.length === 1) {
      state = one;
      continue;
    }
    const all = members.reduce((sum, { sectors }) => sum + sectors, 0);
    const together = step(state, { sectors: all, failure: 1 });
    state = one.map((value, f) => (1 - GROUP_FAILURE) * value + GROUP_FAILURE * together[f]!);
  }
  return Math.min(1, state[spare + 1]!);
}

function step(
  state: Float64Array<ArrayBuffer>,
  { sectors, failure }: Pick<Holder, "sectors" | "failure">,
): Float64Array<ArrayBuffer> {
  const next = new Float64Array(state.length);
  const gone = state.length - 1;
  for (let f = 0; f <= gone; f++) {
    const value = state[f]!;
    if (value === 0) continue;
    next[f]! += f === gone ? value : value * (1 - failure);
    if (f < gone) next[Math.min(f + sectors, gone)]! += value * failure;
  }
  return next;
}

/** In an order independent of the holders' order, so that the same slab always gives the same bits. */
function groupsOf(holders: readonly Holder[]): Holder[][] {
  const sorted = holders.toSorted(
    (a, b) => (a.group ?? -1) - (b.group ?? -1) || a.failure - b.failure || a.sectors - b.sectors,
  );
  const groups = new Map<number, Holder[]>();
  const alone: Holder[][] = [];
  for (const holder of sorted) {
    if (holder.group === null) alone.push([holder]);
    else {
      const members = groups.get(holder.group);
      if (members === undefined) groups.set(holder.group, [holder]);
      else members.push(holder);
    }
  }
  return [...alone, ...groups.values()];
}
