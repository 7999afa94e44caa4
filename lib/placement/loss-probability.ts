/**
 * How likely a slab is to be lost before anybody looks again: docs/decisions/0010-urgency.md has the formula, its
 * assumption, and a table of examples.
 *
 * Every holder (a host with one or more of the slab's sectors) fails with its own probability within one horizon, a week.
 * Holders of one group (correlated-hosts.ts) fail besides all at once, with {@link GROUP_FAILURE}. All of these events are
 * independent. The slab is lost when fewer than min_shards sectors are left: a Poisson-binomial tail, summed exactly.
 */

/** Where a sector is, as far as its safety goes; a lost one is no holder's. */
export type HolderState = "good" | "bad-contract" | "bad-host";

/**
 * Within a week.
 *
 *   good           a host that leaves for good: a median stay of 69 weeks
 *   bad-contract   the host keeps the sector until the contract ends, but nothing obliges it afterwards
 *   bad-host       blocked or unusable: as often a price as a death, and nothing in the database tells them apart
 */
export const HOLDER_FAILURE: Readonly<Record<HolderState, number>> = {
  good: 0.01,
  "bad-contract": 0.05,
  "bad-host": 0.5,
};

/** That a whole group goes: its operator, provider or line. Half as often as a host by itself. */
export const GROUP_FAILURE = 0.005;

export interface Holder {
  /** Of this slab. */
  readonly sectors: number;
  /** 0..1, within the horizon. */
  readonly failure: number;
  /** Holders of the same group are correlated; null: with nobody. */
  readonly group: number | null;
}

/**
 * Exact to rounding also where it is tiny, because only positive terms are added up. 1 when fewer than `minShards` sectors are
 * left; 0 only below the smallest double. Never decreases when a holder goes, becomes likelier to fail, or joins others in a
 * group.
 */
export function lossProbability(minShards: number, holders: readonly Holder[]): number {
  const live = holders.reduce((sum, { sectors }) => sum + sectors, 0);
  const spare = live - minShards;
  if (spare < 0) return 1;
  // state[f]: the slab has lost f sectors; the last entry: more than it can spare, which is for good.
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

/** In an order that does not depend on the holders' own, so that the same slab gives the same bits. */
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
