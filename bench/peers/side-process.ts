/**
 * Runs one version of slabmend with everything that its repairs need: a database, hosts, and the repair function. The
 * function has a process of its own, whose CPU is measured. The hosts run in this process, so their CPU does not count.
 *
 *   node bench/peers/side-process.ts ROOT      ROOT is a checkout of the version; bench/peers.ts starts and controls
 *                                              this process
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { RepairWorld, StoredSlab } from "../../test/support/repair-world.ts";
import { cpuMilliseconds, proportionalMebibytes, residentMebibytes } from "../process-usage.ts";
import type { RepairProcess } from "../with-repair-world.ts";
import {
  CASES,
  type CaseName,
  MIN_SHARDS,
  type Race,
  type RaceResult,
  type RepairSample,
  type SideOrder,
  type SideReport,
  TOTAL_SHARDS,
} from "./messages.ts";
import { sharesByArea } from "./profile-areas.ts";

/** Hosts for the thirty shards of a slab, and enough others to take its ten rebuilt shards. */
const HOSTS = 44;
/**
 * In the ring of hosts, each slab's first host is this many places after that of the previous slab. 7 and 44 have no
 * common divisor, so all hosts get their turn.
 */
const STRIDE = 7;
/** Repairs that are not counted: the first repairs of a process dial every host and compile the code. */
const WARM_UP_ROUNDS = 3;
const AT_ONCE_ENTRY = fileURLToPath(new URL("./repairs-at-once.ts", import.meta.url));
const PROFILE_PRELOAD = new URL("./profile-on-signal.ts", import.meta.url).href;

const [root] = process.argv.slice(2);
if (root === undefined || process.send === undefined)
  throw new Error("started by bench/peers.ts, with a checkout");
const report = (message: SideReport): void => void process.send?.(message);
/** Imports a module of the measured checkout, which may be another version than this file. */
const load = async <Module>(path: string): Promise<Module> =>
  (await import(pathToFileURL(join(root, path)).href)) as Module;

const { withRepairWorld, withRepairProcess } = await load<typeof import("../with-repair-world.ts")>(
  "bench/with-repair-world.ts",
);
const { encodeRepairMessage } = await load<typeof import("../../lib/queue/repair-message.ts")>(
  "lib/queue/repair-message.ts",
);
const { blockHost } = await load<typeof import("../../test/support/seed-indexd.ts")>(
  "test/support/seed-indexd.ts",
);
let round = 0;

async function damage(world: RepairWorld, slab: StoredSlab, name: CaseName): Promise<void> {
  const { how, sectors } = CASES[name];
  for (let index = 0; index < sectors; index++) {
    if (how === "copied") await blockHost(world.database.sql, slab.hosts[index]!.row.hostKey);
    else await world.loseSector(slab, index);
  }
}

async function tidy(world: RepairWorld): Promise<void> {
  await world.database.sql`delete from hosts_blocklist`;
  await world.database.sql`update contracts set good = true`;
  for (const { swarm } of world.hosts) {
    for (const stored of await swarm.sectorRoots()) await swarm.dropSector(stored);
  }
}

/** Stores a slab, damages it, has it repaired and checks the result. */
async function repairOnce(
  world: RepairWorld,
  { pid, invoke }: RepairProcess,
  name: CaseName,
): Promise<RepairSample> {
  const { how, sectors } = CASES[name];
  round++;
  const on = Array.from({ length: TOTAL_SHARDS }, (_, n) => world.hosts[(round * STRIDE + n) % HOSTS]!);
  const slab = await world.storeSlab({ minShards: MIN_SHARDS, totalShards: TOTAL_SHARDS, on });
  await damage(world, slab, name);
  const task = await world.lease(slab);
  const cpuBefore = await cpuMilliseconds(pid);
  const startedMs = performance.now();
  await invoke(encodeRepairMessage(task, "default"));
  const wallMs = performance.now() - startedMs;
  const cpuMs = (await cpuMilliseconds(pid)) - cpuBefore;
  const [entry] = await world.database.sql<
    { outcome: string; moves: { how: string }[]; phases_ms: Record<string, number>; bytes_read: string }[]
  >`select outcome, moves, phases_ms, bytes_read::text from slabmend.journal where token = ${task.token}::uuid`;
  const done = entry?.moves.filter((move) => move.how === how).length;
  if (entry?.outcome !== "repaired" || done !== sectors) {
    throw new Error(`${name}: expected ${sectors} sectors ${how}, got ${JSON.stringify(entry)}`);
  }
  if ((await world.wrongSectors(slab)).length > 0) throw new Error(`${name}: sectors are wrong`);
  await tidy(world);
  const peakMebibytes = await residentMebibytes(pid, "VmHWM");
  return { cpuMs, wallMs, phasesMs: entry.phases_ms, bytesRead: Number(entry.bytes_read), peakMebibytes };
}

async function profile(
  world: RepairWorld,
  { name, repairs }: Extract<SideOrder, { kind: "profile" }>,
): Promise<Readonly<Record<string, number>>> {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-profile-"));
  try {
    const file = join(folder, "repairs.cpuprofile");
    const environment = {
      ...world.variables,
      NODE_OPTIONS: `--import ${PROFILE_PRELOAD}`,
      SLABMEND_BENCH_PROFILE: file,
    };
    await withRepairProcess(join(root!, "functions/repair.ts"), environment, async (repairer) => {
      for (let n = 0; n < WARM_UP_ROUNDS; n++) await repairOnce(world, repairer, name);
      process.kill(repairer.pid, "SIGUSR2");
      await repairer.invoke();
      for (let n = 0; n < repairs; n++) await repairOnce(world, repairer, name);
      process.kill(repairer.pid, "SIGUSR2");
      await repairer.invoke();
      await repairer.invoke();
    });
    return sharesByArea(JSON.parse(await readFile(file, "utf8")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const SAMPLE_EVERY_MS = 50;

/** The highest sum, in MiB, of the memory of all processes while `work` runs. */
async function peakDuring(pids: readonly number[], work: () => Promise<void>): Promise<number> {
  let peak = 0;
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      const each = await Promise.all(pids.map(proportionalMebibytes));
      peak = Math.max(
        peak,
        each.reduce((sum, mebibytes) => sum + mebibytes, 0),
      );
      await wait(SAMPLE_EVERY_MS);
    }
  })();
  await work().finally(() => {
    isOver = true;
  });
  await sampling;
  return peak;
}

/**
 * Starts and warms up all processes, then runs `work`. The function starts one process and calls itself to start the
 * next. Each process ends when the call that started it returns.
 */
async function withProcesses<T>(
  world: RepairWorld,
  { name, processes, atOnce }: Race,
  work: (processes: readonly RepairProcess[]) => Promise<T>,
  started: readonly RepairProcess[] = [],
): Promise<T> {
  if (started.length === processes) return await work(started);
  const entry = atOnce === 1 ? join(root!, "functions/repair.ts") : AT_ONCE_ENTRY;
  const environment = { ...world.variables, SLABMEND_BENCH_AT_ONCE: String(atOnce) };
  return await withRepairProcess(entry, environment, async (repairer) => {
    for (let n = 0; n < WARM_UP_ROUNDS; n++) await repairOnce(world, repairer, name);
    return await withProcesses(world, { name, processes, atOnce, repairs: 0 }, work, [...started, repairer]);
  });
}

/** All slabs are on the same hosts, so that one blocked host affects one sector of each slab. */
async function race(world: RepairWorld, options: Race): Promise<RaceResult> {
  const { name, repairs, atOnce } = options;
  return await withProcesses(world, options, async (processes) => {
    const on = world.hosts.slice(0, TOTAL_SHARDS);
    const tasks: Awaited<ReturnType<RepairWorld["lease"]>>[] = [];
    for (let n = 0; n < repairs; n++) {
      const slab = await world.storeSlab({ minShards: MIN_SHARDS, totalShards: TOTAL_SHARDS, on });
      if (n === 0 || CASES[name].how === "rebuilt") await damage(world, slab, name);
      tasks.push(await world.lease(slab));
    }
    const tokens = tasks.map(({ token }) => token);
    const bodies = tasks.map((task) => encodeRepairMessage(task, "default"));
    const share = Math.ceil(repairs / processes.length);
    const work = async ({ invoke }: RepairProcess): Promise<void> => {
      if (atOnce > 1) return await invoke(...bodies.splice(0, share));
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) await invoke(body);
    };
    const startedMs = performance.now();
    const peakMebibytes = await peakDuring(
      processes.map(({ pid }) => pid),
      async () => void (await Promise.all(processes.map(work))),
    );
    const seconds = (performance.now() - startedMs) / 1_000;
    const [done] = await world.database.sql<{ count: number }[]>`
      select count(*)::integer as count from slabmend.journal
      where token = any (${tokens}::uuid[]) and outcome = 'repaired'`;
    if (done?.count !== repairs) throw new Error(`${name}: expected ${repairs} repaired, got ${done?.count}`);
    await tidy(world);
    return { slabsPerSecond: repairs / seconds, peakMebibytes };
  });
}

async function answer(world: RepairWorld, repairer: RepairProcess, order: SideOrder): Promise<SideReport> {
  switch (order.kind) {
    case "repair":
      return { kind: "repaired", sample: await repairOnce(world, repairer, order.name) };
    case "race":
      return { kind: "raced", ...(await race(world, order)) };
    case "profile":
      return { kind: "profiled", shares: await profile(world, order) };
  }
}

async function serve(world: RepairWorld, repairer: RepairProcess): Promise<void> {
  for (let n = 0; n < WARM_UP_ROUNDS; n++) await repairOnce(world, repairer, "lost1");
  await new Promise<void>((resolve) => {
    process.on("disconnect", resolve);
    process.on("message", (order: SideOrder) => {
      answer(world, repairer, order).then(report, (error: Error) =>
        report({ kind: "failed", message: error.stack ?? error.message }),
      );
    });
    report({ kind: "ready" });
  });
}

await withRepairWorld(HOSTS, (world) =>
  withRepairProcess(join(root, "functions/repair.ts"), world.variables, (repairer) => serve(world, repairer)),
);
