/**
 * `npm run bench:peers`: CPU of whole repairs with sockets, compared with the CPU of an earlier version of slabmend and
 * of the bare arithmetic in Go. All three are measured in the same run. Prints one JSON object.
 *
 *   --rounds N (7)              repairs of each case by each version; 0: none
 *   --against COMMIT (b03b2a1)  the earlier version, checked out into a temporary folder
 *   --races N (3)               races of each case; 0: none. In a race two processes of a version repair eight slabs.
 *                               Our version has a second race, with four simultaneous repairs in each process
 *   --memory                    also measures the peak memory of two and of 32 simultaneous repairs
 *   --profile-repairs N (10)    repairs of each case that are profiled after all measurements; 0: none
 *
 * If Go or the commit is missing, the comparison with it is skipped, and standard error says so. Only the repairing
 * process is measured; hosts and database run in other processes. Needs Linux.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { median, ratioOf, rounded } from "./measure.ts";
import { CASE_NAMES, type CaseName, type RepairSample } from "./peers/messages.ts";
import { buildFloor, type FloorPhases, runFloor } from "./peers/run-floor.ts";
import { runKernels } from "./peers/run-kernels.ts";
import { type Side, startSide } from "./peers/side.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("../", import.meta.url));
/** For each case, our CPU time divided by that of b03b2a1 must be at most this. */
const AIMS: Readonly<Record<CaseName, number>> = { lost1: 0.66, lost10: 0.66, copy1: 0.74 };
/** For each case, our slabs per second divided by those of b03b2a1 must be at least this. */
const RACE_AIMS: Readonly<Record<CaseName, number>> = { lost1: 1.75, lost10: 1.3, copy1: 2.7 };
const SLABS_IN_RACE = 8;
/** Simultaneous repairs in each of our two processes, in the second race of each case. */
const RACE_AT_ONCE = 4;
/**
 * Our peak memory divided by that of b03b2a1 must be at most this. Both make two simultaneous repairs: ours in one
 * process, b03b2a1 in the two processes that it needs for them.
 */
const MEMORY_AIM = 0.45;
const MOST_AT_ONCE = { repairs: 32, processes: 2, atMostMebibytes: 1_536 } as const;
const FLOOR_ROUNDS = 7;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "7" },
    against: { type: "string", default: "b03b2a1" },
    races: { type: "string", default: "3" },
    memory: { type: "boolean", default: false },
    "profile-repairs": { type: "string", default: "10" },
  },
});
const rounds = Number(values.rounds);
const say = (what: string): void => console.error(`${new Date().toISOString().slice(11, 19)} ${what}`);

/**
 * Checks out the commit's files beside our node_modules, and returns their folder; undefined if git does not have the
 * commit.
 */
async function checkOut(folder: string, commit: string): Promise<string | undefined> {
  const root = join(folder, "against");
  const archive = join(folder, "against.tar");
  try {
    await run("git", ["archive", "--output", archive, commit], { cwd: ROOT });
    await mkdir(root);
    await run("tar", ["-xf", archive, "-C", root]);
  } catch (error) {
    say(`${commit} is left out: ${(error as { stderr?: string }).stderr ?? String(error)}`);
    return undefined;
  }
  await symlink(join(ROOT, "node_modules"), join(root, "node_modules"));
  return root;
}

function summary(samples: readonly RepairSample[]) {
  const medianOf = (of: (sample: RepairSample) => number): number => rounded(median(samples.map(of)));
  const phases = [...new Set(samples.flatMap(({ phasesMs }) => Object.keys(phasesMs)))].sort();
  return {
    cpuMs: medianOf(({ cpuMs }) => cpuMs),
    wallMs: medianOf(({ wallMs }) => wallMs),
    phasesWallMs: Object.fromEntries(
      phases.map((phase) => [phase, medianOf(({ phasesMs }) => phasesMs[phase] ?? 0)]),
    ),
    mebibytesRead: medianOf(({ bytesRead }) => bytesRead / 2 ** 20),
    peakMebibytes: rounded(Math.max(...samples.map(({ peakMebibytes }) => peakMebibytes))),
    everyCpuMs: samples.map(({ cpuMs }) => rounded(cpuMs)),
  };
}

function besideFloor(ours: FloorPhases, go: FloorPhases, repairCpuMs: number) {
  const phases = Object.entries(go).map(([phase, milliseconds]) => [
    phase,
    {
      goMs: rounded(milliseconds),
      oursMs: rounded(ours[phase]!),
      ratio: rounded(ours[phase]! / milliseconds),
    },
  ]);
  return { phases: Object.fromEntries(phases), wholeRepairTimesGo: rounded(repairCpuMs / go["total"]!) };
}

interface Sides {
  readonly ours: Side;
  readonly against: Side | undefined;
}

async function measureCase(name: CaseName, sides: Sides, floor?: string) {
  const ours: RepairSample[] = [];
  const against: RepairSample[] = [];
  for (let round = 0; round < rounds; round++) {
    ours.push(await sides.ours.repair(name));
    if (sides.against !== undefined) against.push(await sides.against.repair(name));
  }
  const cpu = (samples: readonly RepairSample[]) => samples.map(({ cpuMs }) => cpuMs);
  const repairCpuMs = median(cpu(ours));
  return {
    ours: summary(ours),
    ...(against.length > 0 && {
      against: summary(against),
      ratio: rounded(ratioOf(cpu(ours), cpu(against))),
      atMost: AIMS[name],
    }),
    ...(floor !== undefined && {
      floor: besideFloor(
        runKernels(name, FLOOR_ROUNDS),
        await runFloor(floor, name, FLOOR_ROUNDS),
        repairCpuMs,
      ),
    }),
  };
}

/**
 * Hosts and database run on the same processors as the repairs: on a machine with two cores, hosts and database use
 * most of the CPU time.
 */
async function raceCase(name: CaseName, { ours, against }: Sides) {
  const race = { name, repairs: SLABS_IN_RACE, processes: 2, atOnce: 1 };
  const perSecond: Record<"ours" | "atOnce" | "against", number[]> = { ours: [], atOnce: [], against: [] };
  for (let round = 0; round < Number(values.races); round++) {
    perSecond.ours.push((await ours.race(race)).slabsPerSecond);
    perSecond.atOnce.push((await ours.race({ ...race, atOnce: RACE_AT_ONCE })).slabsPerSecond);
    if (against !== undefined) perSecond.against.push((await against.race(race)).slabsPerSecond);
  }
  return {
    slabsPerSecond: rounded(median(perSecond.ours)),
    severalAtOnce: rounded(median(perSecond.atOnce)),
    ...(against !== undefined && {
      against: rounded(median(perSecond.against)),
      ratio: rounded(ratioOf(perSecond.ours, perSecond.against)),
      ratioOfSeveralAtOnce: rounded(ratioOf(perSecond.atOnce, perSecond.against)),
      atLeast: RACE_AIMS[name],
    }),
  };
}

/**
 * The memory of two simultaneous repairs: in one process of ours, and in the two processes that the earlier version
 * needs for them. Then many.
 */
async function measureMemory({ ours, against }: Sides) {
  const two: Record<string, object> = {};
  for (const name of ["lost1", "lost10"] as const) {
    const race = { name, repairs: 4 };
    const mine = (await ours.race({ ...race, processes: 1, atOnce: 2 })).peakMebibytes;
    const theirs = (await against?.race({ ...race, processes: 2, atOnce: 1 }))?.peakMebibytes;
    two[name] = {
      mebibytes: rounded(mine),
      ...(theirs !== undefined && {
        against: rounded(theirs),
        ratio: rounded(mine / theirs),
        atMost: MEMORY_AIM,
      }),
    };
  }
  const { repairs, processes, atMostMebibytes } = MOST_AT_ONCE;
  const many = await ours.race({ name: "lost1", repairs, processes, atOnce: repairs / processes });
  return {
    twoAtOnce: two,
    manyAtOnce: { repairs, processes, mebibytes: rounded(many.peakMebibytes), atMost: atMostMebibytes },
  };
}

async function measure(folder: string): Promise<object> {
  const floor = await buildFloor(folder);
  const root = await checkOut(folder, values.against);
  const started: Side[] = [];
  try {
    const start = async (at: string): Promise<Side> => {
      say(`start ${at}`);
      const side = await startSide(at);
      started.push(side);
      return side;
    };
    const sides = { ours: await start(ROOT), against: root === undefined ? undefined : await start(root) };
    const cases: Record<string, object> = {};
    for (const name of rounds > 0 ? CASE_NAMES : []) {
      say(name);
      cases[name] = await measureCase(name, sides, floor);
    }
    const races: Record<string, object> = {};
    for (const name of Number(values.races) > 0 ? CASE_NAMES : []) {
      say(`races of ${name}`);
      races[name] = await raceCase(name, sides);
    }
    if (values.memory) say("memory");
    const memory = values.memory ? await measureMemory(sides) : undefined;
    const repairs = Number(values["profile-repairs"]);
    const profiles: Record<string, object> = {};
    for (const name of repairs > 0 ? CASE_NAMES : []) {
      say(`profile of ${name}`);
      profiles[name] = {
        ours: await sides.ours.profile(name, repairs),
        ...(sides.against !== undefined && { against: await sides.against.profile(name, repairs) }),
      };
    }
    return {
      cases,
      races,
      ...(memory !== undefined && { memory }),
      ...(repairs > 0 && { sharesOfCpuInPercent: profiles }),
    };
  } finally {
    for (const side of started) await side.stop();
  }
}

const folder = await mkdtemp(join(tmpdir(), "slabmend-peers-"));
try {
  const measured = await measure(folder);
  const machine = { cpu: cpus()[0]?.model.trim(), cores: cpus().length, load: rounded(loadavg()[1]!) };
  console.log(
    JSON.stringify({ machine, node: process.version, against: values.against, rounds, ...measured }, null, 2),
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
