/**
 * The probability that a slab is lost before it is checked again: docs/decisions/0010-urgency.md has the formula, its
 * assumption, and a table of examples.
 *
 * Within the horizon, one week, every holder (a host with one or more of the slab's sectors) fails with its own
 * probability. In addition, all holders of one group (correlated-hosts.ts) fail together with probability
 * {@link GROUP_FAILURE}. All of these events are independent. The slab is lost if fewer than min_shards sectors are
 * left: a Poisson-binomial tail, summed exactly.
 */

/** The state of a sector's holder, as far as it affects safety; a lost sector has no holder. */
export type HolderState = "good" | "bad-contract" | "bad-host";

/**
 * Probability of failure within a week.
 *
 *   good           the host leaves the network permanently: the median stay of a host is 69 weeks
 *   bad-contract   the host keeps the sector until the contract ends, but has no obligation afterwards
 *   bad-host       the host is blocked or unusable. About half of such hosts are dead, and the others are only too
 *                  expensive; the database does not tell which hosts are dead
 */
export const HOLDER_FAILURE: Readonly<Record<HolderState, number>> = {
  good: 0.01,
  "bad-contract": 0.05,
  "bad-host": 0.5,
};

/**
 * Probability that a whole group fails, with its operator, provider or network line: half as probable as the failure
 * of one good host.
 */
export const GROUP_FAILURE = 0.005;

export interface Holder {
  /** Number of the slab's sectors on this host. */
  readonly sectors: number;
  /** 0..1, probability within the horizon. */
  readonly failure: number;
  /** Holders of the same group are correlated; null: independent of all others. */
  readonly group: number | null;
}

/**
 * Exact except for rounding, even for tiny values, because only positive terms are added. 1 if the holders have fewer
 * than `minShards` sectors; 0 only if the probability is below the smallest double. Never decreases if a holder is
 * removed, becomes more likely to fail, or joins others in a group.
 */
export function lossProbability(minShards: number, holders: readonly Holder[]): number {
  const live = holders.reduce((sum, { sectors }) => sum + sectors, 0);
  const spare = live - minShards;
  if (spare < 0) return 1;
  // state[f]: probability that f sectors are lost. The last entry is the probability that more are lost than the slab
  // can spare: what is added to it stays there, because the slab is lost then.
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

/** Sorted, so that the order of `holders` does not change the rounding: the same slab always gives the same bits. */
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
