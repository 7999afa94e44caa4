/** For tests of restores: makes the contracts of a repair world, and runs a coordinator as the command line does. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { signedContract } from "../../../dev/rhp4/signed-contract.ts";
import type { ArchiveStorage } from "../../../lib/archive/archive-storage.ts";
import { systemClock } from "../../../lib/clock/clock.ts";
import { parseEnvironment } from "../../../lib/config/parse-environment.ts";
import type { Run } from "../../../lib/database/runs/run.ts";
import { encodeFileContract, type FileContract } from "../../../lib/rhp4/file-contract.ts";
import { createLogger } from "../../../lib/telemetry/logger.ts";
import { MAINTENANCE_VARIABLES } from "../../../lib/worker/open-maintenance.ts";
import { openRestore } from "../../../lib/worker/open-restore.ts";
import { askOf } from "../../support/ask.ts";
import type { RepairWorld, WorldHost } from "../../support/repair-world.ts";
import { never } from "../journal/archive-fixture.ts";

export const renter: KeyObject = generateKeyPairSync("ed25519").privateKey;
const logger = createLogger("fatal", { indexer: "default" });

/** Stores a contract of the host, signed by our wallet, in the database (the restored backup) and on the host. */
export async function knowContract(
  { database: { sql } }: RepairWorld,
  host: WorldHost,
  { renewed = false, sizeBytes = 0n }: { readonly renewed?: boolean; readonly sizeBytes?: bigint },
): Promise<FileContract> {
  const contract = signedContract(renter, host.row.hostKey, { filesizeBytes: sizeBytes });
  const { contractId, id } = host.row.contract!;
  await sql`
    update contracts set raw_revision = ${Buffer.from(encodeFileContract(contract))} where id = ${id}`;
  await host.swarm.setContract(contractId, { contract, revisable: !renewed, renewed });
  return contract;
}

/** @param step called after each write; if it throws, the coordinator ends there as if killed */
export async function advanceRestore(
  { database: { sql }, variables }: RepairWorld,
  archive: ArchiveStorage | undefined,
  step?: (name: string) => void | Promise<void>,
): Promise<Run | undefined> {
  const coordinator = openRestore({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, variables),
    archive,
    clock: systemClock,
    logger,
    signal: never,
    ...(step === undefined ? {} : { step }),
  });
  return await coordinator.advance(askOf(sql), 60_000).finally(() => coordinator.close());
}

/**
 * Runs one coordinator after another until one ends the run. Each earlier coordinator is killed after the first write
 * whose name no kill has followed yet. So in the end a kill has followed every kind of write. @returns the names of
 * these writes
 */
export async function advanceWithKills(
  world: RepairWorld,
  archive: ArchiveStorage | undefined,
): Promise<readonly string[]> {
  const killedAfter = new Set<string>();
  for (let runs = 0; runs < 20; runs += 1) {
    const run = await advanceRestore(world, archive, (name) => {
      if (killedAfter.has(name)) return;
      killedAfter.add(name);
      throw new Error(KILLED);
    }).catch((error: Error) => {
      if (error.message !== KILLED) throw error;
      return undefined;
    });
    await world.database.sql`update slabmend.runs set expires_at = now() where token is not null`;
    if (run?.state === "done") return [...killedAfter];
  }
  throw new Error("the restore has not ended");
}

const KILLED = "killed";
