/** Decides which sectors are lost, and which of these losses indexd has noticed. Pure. */
import { refuseOptions } from "./demo-error.ts";
import type { DemoOptions } from "./demo-options.ts";
import { seededRandom, shuffled } from "./seeded-random.ts";

/** The damage of a host. Each host has one fate. */
export type HostFate = "fine" | "dead" | "blocked" | "bad-contract" | "liar" | "forgetful" | "draining";

export interface LostSector {
  readonly slab: number;
  readonly index: number;
  /** Whether indexd knows of the loss; otherwise only the host's answer shows it. */
  readonly noticed: boolean;
  /** Whether the loss endangers its slab; otherwise it is one of --lost-sectors. */
  readonly endangers: boolean;
}

/** Whether all sectors on a host with this fate must move. */
export function isMoved(fate: HostFate): boolean {
  return fate === "dead" || fate === "blocked" || fate === "bad-contract" || fate === "draining";
}

/** Whether a repair can always read from a host with this fate. */
export function isReadable(fate: HostFate): boolean {
  return fate !== "dead" && fate !== "liar" && fate !== "forgetful";
}

/**
 * Chooses the losses of --lost-sectors: spread over the slabs so that all slabs survive. Slabs that will be endangered
 * get losses only when the other slabs can lose no more. Subtracts the losses from `readable`, the number of readable
 * sectors of each slab.
 */
export function chooseLost(
  options: DemoOptions,
  placement: readonly (readonly number[])[],
  fates: readonly HostFate[],
  readable: number[],
): LostSector[] {
  const random = seededRandom(options.seed, "lost sectors");
  const answering = shuffled(
    placement.flatMap((hosts, slab) => hosts.map((host, index) => ({ slab, index, fate: fates[host]! }))),
    random,
  ).filter(({ fate }) => isReadable(fate));
  const isEndangered = (slab: number): boolean => slab >= options.slabs - options.endangered;
  const lost: LostSector[] = [];
  while (lost.length < options.lostSectors) {
    const noticed = lost.length % 2 === 0;
    // A loss that indexd has not noticed must be on a host whose sectors must move: a repair finds the loss when it
    // tries to copy the sector.
    const fits = ({ fate }: { fate: HostFate }): boolean => isMoved(fate) !== noticed;
    const [next] = answering
      .filter(({ slab }) => readable[slab]! > options.minShards)
      .sort(
        (a, b) =>
          Number(isEndangered(a.slab)) - Number(isEndangered(b.slab)) ||
          Number(fits(b)) - Number(fits(a)) ||
          readable[b.slab]! - readable[a.slab]!,
      );
    if (next === undefined) {
      refuseOptions(
        [
          `--lost-sectors ${options.lostSectors}: no slab survives more than ${lost.length} beyond those of --dead and --liars`,
        ],
        "Lose fewer sectors, or use more parity shards.",
      );
      break;
    }
    answering.splice(answering.indexOf(next), 1);
    readable[next.slab]! -= 1;
    lost.push({ slab: next.slab, index: next.index, noticed, endangers: false });
  }
  return lost;
}

/** The margins that endangered slabs get, in turn. */
const ENDANGERED_MARGINS = [1, 2] as const;

/**
 * Chooses further losses in the last slabs, so that the margin of these slabs is 1 or 2 by indexd's tables. Sectors on
 * lying hosts are lost first, because they cannot be read anyway. Sectors on dead and blocked hosts are not lost,
 * because they do not count for the margin. If a slab would not survive these losses, fewer of its sectors are lost,
 * and its margin stays higher. Subtracts the losses from `readable`.
 */
export function chooseEndangering(
  { slabs, endangered, minShards, seed }: DemoOptions,
  placement: readonly (readonly number[])[],
  fates: readonly HostFate[],
  readable: number[],
  gone: readonly LostSector[],
): LostSector[] {
  const random = seededRandom(seed, "endangered slabs");
  const order: readonly HostFate[] = ["liar", "fine", "draining", "bad-contract"];
  return placement.slice(slabs - endangered).flatMap((hosts, turn) => {
    const slab = slabs - endangered + turn;
    const fateOf = (index: number): HostFate => fates[hosts[index]!]!;
    const goneHere = gone.filter((sector) => sector.slab === slab);
    const counted = shuffled([...hosts.keys()], random)
      .filter((index) => order.includes(fateOf(index)))
      .filter((index) => !goneHere.some((sector) => sector.noticed && sector.index === index));
    const kept = minShards + ENDANGERED_MARGINS[turn % ENDANGERED_MARGINS.length]!;
    const lost = counted
      .filter((index) => !goneHere.some((sector) => sector.index === index))
      .sort((a, b) => order.indexOf(fateOf(a)) - order.indexOf(fateOf(b)))
      .slice(0, Math.max(0, counted.length - kept))
      .filter((index) => {
        if (fateOf(index) === "liar") return true;
        if (readable[slab]! <= minShards) return false;
        readable[slab]! -= 1;
        return true;
      });
    return lost.map((index) => ({ slab, index, noticed: true, endangers: true }));
  });
}
