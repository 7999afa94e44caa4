/** Decides the damage to hosts and sectors of the SDK's slabs, with every kind of damage of the demo. Pure. */
import type { DamagePlan } from "../../../dev/demo/plan-damage.ts";
import { type HostFate, isMoved, type LostSector } from "../../../dev/demo/plan-losses.ts";
import { shuffled } from "../../../dev/demo/seeded-random.ts";

/**
 * What happens to each of 24 hosts. 16 hosts, including the liars, stay good for indexd, because a slab of 12 sectors
 * needs 16 good hosts.
 */
const FATES: readonly HostFate[] = [
  ...Array<HostFate>(2).fill("dead"),
  ...Array<HostFate>(3).fill("blocked"),
  ...Array<HostFate>(3).fill("bad-contract"),
  // One liar for each kind of lie: corrupt data, a wrong proof, another sector.
  ...Array<HostFate>(3).fill("liar"),
];

export const HOST_COUNT = 24;
export const CODE = { dataShards: 3, parityShards: 9 } as const;

/**
 * The least number of moved sectors per slab. Even if every liar takes one of the moved sectors, three moved sectors
 * are on honest hosts, and three sectors suffice to read the slab.
 */
const LEAST_MOVED = CODE.dataShards + FATES.filter((fate) => fate === "liar").length;

export type SlabDamage = Pick<DamagePlan, "placement" | "fates" | "lost">;

/**
 * @param placement for each slab, the numbers of the hosts that the SDK chose for its sectors
 * @returns damage that every slab survives and that makes at least {@link LEAST_MOVED} sectors of each slab move
 */
export function planSlabDamage(placement: SlabDamage["placement"], random: () => number): SlabDamage {
  const numbers = shuffled([...Array(HOST_COUNT).keys()], random);
  const fates: HostFate[] = Array(HOST_COUNT).fill("fine");
  for (const [place, fate] of FATES.entries()) fates[numbers[place]!] = fate;
  const lost = placement.flatMap((hosts, slab) => losses(slab, hosts, fates, random));
  return { placement, fates, lost };
}

function losses(
  slab: number,
  hosts: readonly number[],
  fates: readonly HostFate[],
  random: () => number,
): LostSector[] {
  const fateOf = (index: number): HostFate => fates[hosts[index]!]!;
  const indices = shuffled([...hosts.keys()], random);
  const leaving = indices.filter((index) => isMoved(fateOf(index)));
  // indexd knows these losses.
  const noticed = indices
    .filter((index) => fateOf(index) === "fine")
    .slice(0, Math.max(1, LEAST_MOVED - leaving.length));
  const readable = indices.filter(
    (index) => fateOf(index) !== "dead" && fateOf(index) !== "liar" && !noticed.includes(index),
  );
  // If enough other sectors stay readable, one more sector is lost: on a host from which a repair copies. The repair
  // learns of this loss only from the host.
  const asked = leaving.filter((index) => fateOf(index) !== "dead");
  const unnoticed = readable.length > CODE.dataShards ? asked.slice(0, 1) : [];
  const lose = (isNoticed: boolean) => (index: number) => ({
    slab,
    index,
    noticed: isNoticed,
    endangers: false,
  });
  return [...noticed.map(lose(true)), ...unnoticed.map(lose(false))];
}
