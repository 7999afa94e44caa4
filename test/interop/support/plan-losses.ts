/** Which hosts and sectors of the SDK's slabs go wrong, in every way that the demo knows. Pure. */
import type { DamagePlan } from "../../../dev/demo/plan-damage.ts";
import { type HostFate, isMoved, type LostSector } from "../../../dev/demo/plan-losses.ts";
import { shuffled } from "../../../dev/demo/seeded-random.ts";

/** Of 24 hosts; 16 stay good, and a slab of 12 needs as many. */
const FATES: readonly HostFate[] = [
  ...Array<HostFate>(2).fill("dead"),
  ...Array<HostFate>(3).fill("blocked"),
  ...Array<HostFate>(3).fill("bad-contract"),
  // One for each way to lie: corrupt data, a wrong proof, another sector.
  ...Array<HostFate>(3).fill("liar"),
];

export const HOST_COUNT = 24;
export const CODE = { dataShards: 3, parityShards: 9 } as const;

/** Enough that three of what was moved are on honest hosts even if every liar takes one: the slab is whole without the rest. */
const LEAST_MOVED = CODE.dataShards + FATES.filter((fate) => fate === "liar").length;

export type SlabDamage = Pick<DamagePlan, "placement" | "fates" | "lost">;

/**
 * @param placement of each slab: the host number of each sector, as the SDK chose it
 * @returns damage that every slab survives and that moves at least {@link LEAST_MOVED} sectors of each
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
  // indexd knows these.
  const noticed = indices
    .filter((index) => fateOf(index) === "fine")
    .slice(0, Math.max(1, LEAST_MOVED - leaving.length));
  const readable = indices.filter(
    (index) => fateOf(index) !== "dead" && fateOf(index) !== "liar" && !noticed.includes(index),
  );
  // One more that only the host's answer tells, where a repair asks for it: to copy it.
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
