/**
 * Decides the placement of sectors and the fate of hosts from the seed before anything is started, so that impossible
 * options are refused at once. Pure.
 */
import { refuseOptions } from "./demo-error.ts";
import type { DemoOptions } from "./demo-options.ts";
import {
  chooseEndangering,
  chooseLost,
  type HostFate,
  isMoved,
  isReadable,
  type LostSector,
} from "./plan-losses.ts";
import { counted } from "./progress.ts";
import { seededRandom, shuffled } from "./seeded-random.ts";

export interface DamagePlan {
  /** For each slab, the host number of each sector. */
  readonly placement: readonly (readonly number[])[];
  /** By host number. */
  readonly fates: readonly HostFate[];
  /** First the losses of --lost-sectors, then those that endanger slabs. */
  readonly lost: readonly LostSector[];
  /** How many sectors must move after all damage, without those whose loss indexd has not noticed. */
  readonly sectorsToMove: number;
  /** Slabs with a sector to move and a host to move it to. */
  readonly repairableSlabs: number;
  /** Slabs with more sectors to move than hosts that may take them. */
  readonly crampedSlabs: number;
}

/**
 * Two kills, because a third crash in a row would put the slab into quarantine for a day:
 * docs/architecture.md#the-lease.
 */
export const MOST_KILLS_PER_SLAB = 2;

/**
 * How many slabs may have a killed repair at first: with more, the circuit breaker could open. When other slabs have
 * been repaired, more slabs may have a killed repair.
 */
const KILLED_FIRST = 4;

function mostKills(repairableSlabs: number): number {
  return Math.max(MOST_KILLS_PER_SLAB * Math.min(repairableSlabs, KILLED_FIRST), repairableSlabs);
}

/** @throws {DemoError} `invalid-options` if options contradict each other, or the damage could not be repaired */
export function planDamage(options: DemoOptions): DamagePlan {
  refuseOptions(contradictions(options));
  const placement = placeSlabs(options);
  const fates = chooseFates(options, placement);
  const readable = placement.map((hosts) => hosts.filter((host) => isReadable(fates[host]!)).length);
  refuseOptions(
    readable
      .flatMap((count, slab) =>
        count >= options.minShards
          ? []
          : [
              `--dead ${options.dead}, --liars ${options.liars} and --forgetful-hosts ${options.forgetfulHosts}: slab ${slab} would keep ${count} readable sectors of ` +
                `the ${options.minShards} it needs`,
            ],
      )
      .slice(0, 1),
    "Damage fewer hosts, or use more parity shards and more hosts.",
  );
  const planted = chooseLost(options, placement, fates, readable);
  const lost = [...planted, ...chooseEndangering(options, placement, fates, readable, planted)];
  const moves = placement.map((hosts, slab) => {
    const noticed = lost.filter((sector) => sector.noticed && sector.slab === slab).length;
    return noticed + hosts.filter((host) => isMoved(fates[host]!)).length;
  });
  const destinations = placement.map((hosts, slab) => {
    const kept = hosts.filter((host, index) => {
      const gone = lost.some((sector) => sector.noticed && sector.slab === slab && sector.index === index);
      return !isMoved(fates[host]!) && !gone;
    });
    return fates.filter((fate) => !isMoved(fate)).length - kept.length;
  });
  const repairableSlabs = moves.filter((count, slab) => count > 0 && destinations[slab]! > 0).length;
  const crampedSlabs = moves.filter((count, slab) => count > destinations[slab]!).length;
  if (options.killWorkers > mostKills(repairableSlabs)) {
    refuseOptions(
      [
        `--kill-workers ${options.killWorkers}: expected at most ${mostKills(repairableSlabs)} where ` +
          `${counted(repairableSlabs, "slab")} will be repaired`,
      ],
      "Kill fewer workers, or store more --slabs.",
    );
  }
  const sectorsToMove = moves.reduce((sum, count) => sum + count, 0);
  return { placement, fates, lost, sectorsToMove, repairableSlabs, crampedSlabs };
}

function contradictions(options: DemoOptions): string[] {
  const { hosts, minShards, totalShards, slabs, lostSectors, endangered } = options;
  const bad =
    options.dead +
    options.blocked +
    options.badContracts +
    options.liars +
    options.forgetfulHosts +
    options.drain;
  const problems: string[] = [];
  if (minShards > totalShards) {
    problems.push(`--min-shards ${minShards}: expected at most --total-shards ${totalShards}`);
  }
  if (totalShards > hosts) {
    problems.push(
      `--total-shards ${totalShards}: expected at most --hosts ${hosts}, because each shard needs its own host`,
    );
  }
  if (bad > hosts) {
    problems.push(
      `--dead ${options.dead}, --blocked ${options.blocked}, --bad-contracts ${options.badContracts}, ` +
        `--liars ${options.liars}, --forgetful-hosts ${options.forgetfulHosts} and --drain ${options.drain}: expected at most --hosts ${hosts} together, got ${bad}`,
    );
  }
  if (endangered > slabs) {
    problems.push(`--endangered ${endangered}: expected at most --slabs ${slabs}`);
  }
  if (lostSectors > slabs * totalShards) {
    problems.push(
      `--lost-sectors ${lostSectors}: expected at most the ${slabs * totalShards} stored sectors`,
    );
  }
  return problems;
}

/** Places every slab on the least loaded hosts, so that all hosts get sectors. */
function placeSlabs({ slabs, hosts, totalShards, seed }: DemoOptions): number[][] {
  const random = seededRandom(seed, "placement");
  const load = Array.from({ length: hosts }, () => 0);
  return Array.from({ length: slabs }, () => {
    const leastLoaded = shuffled([...load.keys()], random).sort((a, b) => load[a]! - load[b]!);
    const chosen = shuffled(leastLoaded.slice(0, totalShards), random);
    for (const host of chosen) load[host]! += 1;
    return chosen;
  });
}

function chooseFates(options: DemoOptions, placement: readonly (readonly number[])[]): HostFate[] {
  const used = new Set(placement.flat());
  const hosts = Array.from({ length: options.hosts }, (_, host) => host);
  // Hosts with sectors get fates first, because damage to a host without sectors would show nothing.
  const order = shuffled(hosts, seededRandom(options.seed, "fates")).sort(
    (a, b) => Number(used.has(b)) - Number(used.has(a)),
  );
  const fates: HostFate[] = hosts.map(() => "fine");
  const wanted = [
    ["dead", options.dead],
    ["blocked", options.blocked],
    ["bad-contract", options.badContracts],
    ["liar", options.liars],
    ["forgetful", options.forgetfulHosts],
    ["draining", options.drain],
  ] as const;
  for (const [fate, count] of wanted) for (const host of order.splice(0, count)) fates[host] = fate;
  return fates;
}
