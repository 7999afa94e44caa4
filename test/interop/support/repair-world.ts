/** Two ways to repair a world: the functions as deployed, and `slabmend work` with the fleet's role. */
import { setTimeout as sleep } from "node:timers/promises";
import type { SessionSample } from "../../../dev/demo/check-sessions.ts";
import { startDatabaseProxy } from "../../../dev/demo/database-proxy.ts";
import type { DisturbancesWanted } from "../../../dev/demo/disturb-database.ts";
import { deploymentOf } from "../../../dev/demo/fleet-settings.ts";
import type { DamagedSector } from "../../../dev/demo/inflict-damage.ts";
import { letRepair } from "../../../dev/demo/let-repair.ts";
import { createDangerWatch, readDanger } from "../../../dev/demo/watch-danger.ts";
import { readRepairState } from "../../../dev/demo/watch-repairs.ts";
import { startCli } from "../../cli/cli-process.ts";
import type { SdkWorld } from "./sdk-world.ts";

export type RepairedBy = "functions" | "work";

/** Observations made while the fleet worked. With them the tests check that the fleet kept its rules. */
export interface RepairRun {
  readonly openSectors: number;
  readonly messages: readonly string[];
  readonly samples: readonly SessionSample[];
  readonly disturbed: Pick<DisturbancesWanted, "silentDatabase">;
}

const NOT_DISTURBED: DisturbancesWanted = { restartDatabase: 0, endBackends: 0, silentDatabase: 0 };
const POLL_MS = 200;
const WORKERS = 2;
/** Time limit: several times as long as the repair of all slabs takes on two busy cores. */
const GIVE_UP_AFTER_MS = 150_000;

export async function repairWorld(
  by: RepairedBy,
  world: SdkWorld,
  damage: readonly DamagedSector[],
): Promise<RepairRun> {
  return by === "functions" ? await byFunctions(world, damage) : await byWork(world, damage);
}

async function byFunctions(world: SdkWorld, damage: readonly DamagedSector[]): Promise<RepairRun> {
  const { sql, runtime, hosts, migrationSeed, database } = world;
  const proxy = await startDatabaseProxy(database.fleetUrl);
  const deployment = deploymentOf({ ...runtime, workers: WORKERS, databaseUrl: proxy.url, migrationSeed });
  const lines: string[] = [];
  const { state, gaveUp, messages, samples, disturbed } = await letRepair({
    connect: database.connect,
    proxy,
    disturbances: { wanted: NOT_DISTURBED, random: () => 0 },
    runtime,
    deployment,
    hosts,
    forgetful: [],
    damage,
    danger: createDangerWatch(await readDanger(sql)),
    kills: { wanted: 0, random: () => 0 },
    progress: { line: (text) => void lines.push(text), status: () => {}, clear: () => {} },
    draw: () => [""],
    signal: AbortSignal.timeout(GIVE_UP_AFTER_MS),
  }).finally(() => proxy.stop());
  if (gaveUp !== undefined) throw new Error(`${gaveUp}\n${lines.join("\n")}`);
  return { openSectors: state.open.length, messages, samples, disturbed };
}

async function byWork({ sql, database, migrationSeed }: SdkWorld, damage: readonly DamagedSector[]) {
  const cli = startCli(["work", "--from-database", "--concurrency", String(WORKERS)], {
    SLABMEND_DATABASE_URL: database.fleetUrl,
    SLABMEND_MIGRATION_SEED: migrationSeed.toString("hex"),
    SLABMEND_INDEXD_GRACE_SECONDS: "0",
    SLABMEND_BAD_CONTRACT_GRACE_SECONDS: "0",
    SLABMEND_BAD_HOST_GRACE_SECONDS: "0",
    SLABMEND_ALLOW_PRIVATE_ADDRESSES: "true",
  });
  try {
    await cli.meanwhile(
      (async () => {
        for (const deadline = Date.now() + GIVE_UP_AFTER_MS; ; await sleep(POLL_MS)) {
          const { open, liveLeases, unsentEvents } = await readRepairState(sql, damage);
          if (open.length === 0 && liveLeases === 0 && unsentEvents === 0) return;
          if (Date.now() > deadline) {
            throw new Error(`${open.length} sectors are left to move:\n${cli.out()}\n${cli.err()}`);
          }
        }
      })(),
    );
  } finally {
    cli.child.kill("SIGTERM");
  }
  const code = await cli.ended;
  if (code !== 0) throw new Error(`slabmend work ended with ${code}:\n${cli.out()}\n${cli.err()}`);
  const { open } = await readRepairState(sql, damage);
  return { openSectors: open.length, messages: [], samples: [], disturbed: NOT_DISTURBED };
}
