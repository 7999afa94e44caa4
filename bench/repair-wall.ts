/**
 * Wall time of whole repairs by the bundled function, as deployed, in its own process. The hosts are behind simulated
 * lines that have a rate and a latency. Not simulated: TCP's handshake and slow start over a distance, and packet loss.
 * The worker's own line and the database are as fast as this machine.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import type { HostCounters } from "../dev/swarm/host-counters.ts";
import { DEFAULT_PRICES } from "../dev/swarm/swarm.ts";
import { readJournalEntry } from "../lib/database/reports/read-journal.ts";
import { encodeRepairMessage } from "../lib/queue/repair-message.ts";
import { bundleFunction } from "../scripts/bundle.ts";
import type { RepairWorld, StoredSlab, WorldHost } from "../test/support/repair-world.ts";
import { blockHost } from "../test/support/seed-indexd.ts";
import { median, rounded } from "./measure.ts";
import { cpuMilliseconds, residentMebibytes } from "./process-usage.ts";
import { type RepairProcess, withRepairProcess, withRepairWorld } from "./with-repair-world.ts";

interface HostLine {
  readonly megabitsPerSecond: number;
  readonly roundTripMs: number;
}

/**
 * The lines of the 44 hosts; the rate is that of each direction. Two hosts are slow, because a repair must cope with
 * slow hosts.
 */
const LINES: readonly (HostLine & { readonly hosts: number })[] = [
  { hosts: 12, megabitsPerSecond: 20, roundTripMs: 80 },
  { hosts: 18, megabitsPerSecond: 50, roundTripMs: 50 },
  { hosts: 12, megabitsPerSecond: 100, roundTripMs: 20 },
  { hosts: 2, megabitsPerSecond: 5, roundTripMs: 150 },
];
const HOSTS = LINES.reduce((sum, { hosts }) => sum + hosts, 0);
/**
 * In the ring of hosts, each slab's first host is this many places after that of the previous slab, so the slabs' mixes
 * of lines differ. 7 and 44 have no common divisor, so all hosts get their turn.
 */
const STRIDE = 7;

const MIN_SHARDS = 10;
const TOTAL_SHARDS = 30;
/**
 * How many repairs of each case count. They follow a first repair that does not count, because it has no host scores
 * yet.
 */
const WARM_REPAIRS = 8;

const CASES = {
  copy1: { how: "copied", sectors: 1 },
  rebuild1: { how: "rebuilt", sectors: 1 },
  rebuild5: { how: "rebuilt", sectors: 5 },
  rebuild10: { how: "rebuilt", sectors: 10 },
} as const;
export type RepairCase = keyof typeof CASES;

/**
 * Unless its name says otherwise, a number is the mean of all repairs of a case except the first. It is not the median,
 * because a bill is a sum.
 */
export interface RepairWall {
  /** Sectors moved by each repair. */
  readonly sectors: number;
  readonly repairs: number;
  readonly wallMs: number;
  readonly medianWallMs: number;
  readonly slowestWallMs: number;
  /** The wall time of the first repair, which has no host scores. */
  readonly firstWallMs: number;
  /** The phases overlap: storing begins with the first shard that is ready. */
  readonly phasesMs: Readonly<Record<string, number>>;
  readonly cpuMs: number;
  /** The bytes read, as the hosts count them: they include reads whose data the repair did not use. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** The hastings charged, as the hosts count them; the next field has them as the journal counts them. */
  readonly hastingsCharged: string;
  readonly hastingsInJournal: string;
  readonly logBytes: number;
  readonly peakMebibytes: number;
}

export interface RepairWallResult {
  readonly lines: typeof LINES;
  /** Hastings per byte read, per byte written, and per byte and block of storage. */
  readonly hostPrices: { readonly egress: string; readonly ingress: string; readonly storage: string };
  /** The machine's 15-minute load at the end: other load slows repairs down. */
  readonly load: number;
  readonly cases: Readonly<Record<RepairCase, RepairWall>>;
}

/** Needs Linux, to read the CPU time of another process. */
export async function benchRepairWall(): Promise<RepairWallResult | { readonly skipped: string }> {
  if (process.platform !== "linux") return { skipped: "CPU time and memory are read from /proc" };
  const folder = await mkdtemp(join(tmpdir(), "slabmend-bench-"));
  try {
    const { entry } = await bundleFunction("repair", folder);
    return await withRepairWorld(HOSTS, async (world) => {
      await slowDown(world);
      const cases: Partial<Record<RepairCase, RepairWall>> = {};
      for (const name of Object.keys(CASES) as RepairCase[])
        cases[name] = await measureCase(world, entry, name);
      const { egressPrice, ingressPrice, storagePrice } = DEFAULT_PRICES;
      return {
        lines: LINES,
        hostPrices: {
          egress: String(egressPrice),
          ingress: String(ingressPrice),
          storage: String(storagePrice),
        },
        load: rounded(loadavg()[2]!),
        cases: cases as Record<RepairCase, RepairWall>,
      };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function slowDown(world: RepairWorld): Promise<void> {
  const lines = LINES.flatMap((line) => Array.from({ length: line.hosts }, () => line));
  for (const [index, { swarm }] of world.hosts.entries()) {
    const { megabitsPerSecond, roundTripMs } = lines[(index * STRIDE) % HOSTS]!;
    await swarm.setSwitches({ bytesPerSecond: megabitsPerSecond * 125_000, latencyMs: roundTripMs / 2 });
  }
}

interface OneRepair {
  readonly wallMs: number;
  readonly cpuMs: number;
  readonly phasesMs: Readonly<Record<string, number>>;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly hastingsCharged: bigint;
  readonly hastingsInJournal: bigint;
  readonly logBytes: number;
}

async function measureCase(world: RepairWorld, entry: string, name: RepairCase): Promise<RepairWall> {
  await world.database.sql`delete from slabmend.host_scores`;
  let logBytes = 0;
  const environment = {
    ...world.variables,
    // Logs and prints metrics as a deployed function does, because AWS bills the printed output.
    SLABMEND_LOG_LEVEL: "info",
    SLABMEND_METRICS_NAMESPACE: "slabmend-bench",
  };
  return withRepairProcess(
    entry,
    environment,
    async (process) => {
      const repairs: OneRepair[] = [];
      for (let round = 0; round <= WARM_REPAIRS; round++) {
        const before = logBytes;
        const repair = await repairOnce(world, process, name, round);
        repairs.push({ ...repair, logBytes: logBytes - before });
      }
      const [first, ...warm] = repairs as [OneRepair, ...OneRepair[]];
      const mean = (of: (repair: OneRepair) => number): number =>
        Math.round(warm.reduce((sum, repair) => sum + of(repair), 0) / warm.length);
      const meanHastings = (of: (repair: OneRepair) => bigint): string =>
        String(warm.reduce((sum, repair) => sum + of(repair), 0n) / BigInt(warm.length));
      const phases = [...new Set(warm.flatMap(({ phasesMs }) => Object.keys(phasesMs)))].sort();
      return {
        sectors: CASES[name].sectors,
        repairs: warm.length,
        wallMs: mean(({ wallMs }) => wallMs),
        medianWallMs: Math.round(median(warm.map(({ wallMs }) => wallMs))),
        slowestWallMs: Math.round(Math.max(...warm.map(({ wallMs }) => wallMs))),
        firstWallMs: Math.round(first.wallMs),
        phasesMs: Object.fromEntries(
          phases.map((phase) => [phase, mean(({ phasesMs }) => phasesMs[phase] ?? 0)]),
        ),
        cpuMs: mean(({ cpuMs }) => cpuMs),
        bytesRead: mean(({ bytesRead }) => bytesRead),
        bytesWritten: mean(({ bytesWritten }) => bytesWritten),
        hastingsCharged: meanHastings(({ hastingsCharged }) => hastingsCharged),
        hastingsInJournal: meanHastings(({ hastingsInJournal }) => hastingsInJournal),
        logBytes: mean(({ logBytes }) => logBytes),
        peakMebibytes: rounded(await residentMebibytes(process.pid, "VmHWM")),
      };
    },
    (line) => {
      logBytes += Buffer.byteLength(line) + 1;
    },
  );
}

/** Stores a slab, damages it, has it repaired, checks the result, and removes the slab's sectors from the hosts. */
async function repairOnce(
  world: RepairWorld,
  { pid, invoke }: RepairProcess,
  name: RepairCase,
  round: number,
): Promise<Omit<OneRepair, "logBytes">> {
  const { how, sectors } = CASES[name];
  const { sql } = world.database;
  const on = Array.from(
    { length: TOTAL_SHARDS },
    (_, index) => world.hosts[(round * STRIDE + index) % HOSTS]!,
  );
  const slab = await world.storeSlab({ minShards: MIN_SHARDS, totalShards: TOTAL_SHARDS, on });
  await damage(world, slab, name);
  const task = await world.lease(slab);
  const hostsBefore = await countersOf(world.hosts);
  const cpuBefore = await cpuMilliseconds(pid);
  const startedMs = performance.now();
  await invoke(encodeRepairMessage(task, "default"));
  const wallMs = performance.now() - startedMs;
  const cpuMs = (await cpuMilliseconds(pid)) - cpuBefore;
  const hostsAfter = await countersOf(world.hosts);
  const entry = await readJournalEntry(sql, task.token);
  const done = entry?.moves.filter((move) => move.how === how).length;
  if (entry?.outcome !== "repaired" || done !== sectors) {
    throw new Error(`${name}: expected ${sectors} sectors ${how}, got ${JSON.stringify(entry?.moves)}`);
  }
  await sql`delete from hosts_blocklist`;
  await sql`update contracts set good = true`;
  for (const { swarm } of world.hosts) {
    for (const root of await swarm.sectorRoots()) await swarm.dropSector(root);
  }
  return {
    wallMs,
    cpuMs,
    phasesMs: entry.phasesMs,
    bytesRead: hostsAfter.bytesRead - hostsBefore.bytesRead,
    bytesWritten: hostsAfter.bytesWritten - hostsBefore.bytesWritten,
    hastingsCharged: hostsAfter.hastingsCharged - hostsBefore.hastingsCharged,
    hastingsInJournal: entry.hastings,
  };
}

/**
 * Damages sectors of the slab. If the case copies sectors, their hosts are blocked, but still answer; if it rebuilds
 * sectors, these are lost.
 */
async function damage(world: RepairWorld, slab: StoredSlab, name: RepairCase): Promise<void> {
  const { how, sectors } = CASES[name];
  for (let index = 0; index < sectors; index++) {
    if (how === "copied") await blockHost(world.database.sql, slab.hosts[index]!.row.hostKey);
    else await world.loseSector(slab, index);
  }
}

type Traffic = Pick<HostCounters, "bytesRead" | "bytesWritten" | "hastingsCharged">;

async function countersOf(hosts: readonly WorldHost[]): Promise<Traffic> {
  const all = await Promise.all(hosts.map(({ swarm }) => swarm.counters()));
  return {
    bytesRead: all.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    bytesWritten: all.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    hastingsCharged: all.reduce((sum, { hastingsCharged }) => sum + hastingsCharged, 0n),
  };
}
