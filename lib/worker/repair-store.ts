import type { Clock } from "../clock/clock.ts";
import type { Environment } from "../config/parse-environment.ts";
import { ANSWER_MS } from "../database/client/deadline-client.ts";
import type { SharedClients } from "../database/client/shared-clients.ts";
import { drawOtherSectors } from "../database/denials/draw-other-sectors.ts";
import { readHostScores, reportHostScores } from "../database/fleet/host-scores.ts";
import { flushMoved } from "../database/indexd/bump-events.ts";
import { type NetworkSnapshot, readNetworkSnapshot } from "../database/indexd/network-snapshot.ts";
import { readSlab } from "../database/indexd/read-slab.ts";
import { beginRepair } from "../database/leases/begin-repair.ts";
import { commitRepair } from "../database/leases/commit-repair.ts";
import { extendLease } from "../database/leases/extend-lease.ts";
import { readUploads } from "../database/leases/uploads.ts";
import { readRepairHistory } from "../database/reports/read-repair-history.ts";
import { assertFleetMayWork } from "../database/schema/assert-fleet-may-work.ts";
import type { HostPool } from "../hosts/host-pool.ts";
import type { RepairStore } from "../jobs/repair/repair-dependencies.ts";
import type { WorkerSettings } from "./worker-settings.ts";

/** Shared by the stores of all repairs in a process. */
export interface SharedByRepairs {
  readonly environment: Pick<Environment, "SLABMEND_ACCEPT_INDEXD_VERSION" | "SLABMEND_MIN_HOST_DISTANCE_KM">;
  readonly settings: WorkerSettings;
  readonly database: SharedClients;
  readonly clock: Clock;
  readonly hosts: HostPool;
  /** Runs work on hosts' scores; if this work fails, repairs are not affected. */
  readonly tryScores: (what: string, work: () => Promise<void>) => Promise<void>;
  network: NetworkSnapshot | undefined;
  /** Whether the schema and the privileges have been checked, and are as required. */
  mayWork: boolean;
}

export interface ReportingRepairStore extends RepairStore {
  /** Adds this process's measurements of hosts to the fleet's scores. */
  reportScores(): Promise<void>;
}

/** Time limit of a commit, which is retried after conflicts for up to half a minute. */
const COMMIT_ANSWER_MS = 45_000;
/**
 * Time limit of drawOtherSectors. It is short, because the commit waits for drawOtherSectors, whose result only helps
 * to decide whether a denied sector is lost.
 */
const DRAW_ANSWER_MS = 4_000;

/**
 * The database operations of one repair. During a call, no other call uses the same connection; between calls, the
 * repair holds no connection.
 */
export function createRepairStore(shared: SharedByRepairs): ReportingRepairStore {
  const { environment, settings, database, clock, hosts } = shared;
  const { leaseMs } = settings;
  const verify = { acceptedVersion: environment.SLABMEND_ACCEPT_INDEXD_VERSION };
  return {
    async begin(task, { worker, holdMs }) {
      // One check per environment is enough: our schema is upgraded only by a deployment, which starts new
      // environments, and the grant is applied again before the deployment. beginRepair notices an upgrade of indexd.
      if (!shared.mayWork) {
        await database.runIdempotent(ANSWER_MS, (sql) => assertFleetMayWork(sql, verify.acceptedVersion));
      }
      shared.mayWork = true;
      const request = { slabId: task.slabId, token: task.token, worker, holdMs, leaseMs };
      return await database.run(ANSWER_MS, (sql) => beginRepair(sql, request, {}, verify));
    },
    extend: (task, spent, stored) =>
      database.run(ANSWER_MS, (sql) => extendLease(sql, task, leaseMs, spent, stored)),
    readSlab: (slabId) => database.runIdempotent(ANSWER_MS, (sql) => readSlab(sql, slabId)),
    readHistory: (slabId) => database.runIdempotent(ANSWER_MS, (sql) => readRepairHistory(sql, slabId)),
    readUploads: (slabId) => database.runIdempotent(ANSWER_MS, (sql) => readUploads(sql, slabId)),
    async readNetwork({ fresh = false } = {}) {
      const maxAgeMs = fresh ? 0 : settings.networkMaxAgeMs;
      if (shared.network === undefined || clock.now() - shared.network.takenAtMs >= maxAgeMs) {
        shared.network = await readNetworkAndScores(shared);
      }
      return shared.network;
    },
    drawOtherSectors: (hostIds) =>
      database.runIdempotent(DRAW_ANSWER_MS, (sql) => drawOtherSectors(sql, hostIds)),
    commit: (request) =>
      database.runIdempotent(COMMIT_ANSWER_MS, (sql) => commitRepair(sql, request, {}, verify)),
    bumpEvents: (slabId) =>
      database.run(ANSWER_MS, async (sql) => {
        await flushMoved(sql, { slabId, verify });
      }),
    async reportScores() {
      const samples = hosts.takeSamples();
      await database.run(ANSWER_MS, (sql) => reportHostScores(sql, samples));
    },
  };
}

async function readNetworkAndScores({
  environment,
  database,
  clock,
  hosts,
  tryScores,
}: SharedByRepairs): Promise<NetworkSnapshot> {
  const options = {
    minHostDistanceKm: environment.SLABMEND_MIN_HOST_DISTANCE_KM,
    now: () => clock.now(),
  };
  const network = await database.runIdempotent(ANSWER_MS, (sql) => readNetworkSnapshot(sql, options));
  await tryScores("the fleet's scores of hosts could not be read", async () =>
    hosts.startFrom(await database.runIdempotent(ANSWER_MS, (sql) => readHostScores(sql))),
  );
  return network;
}
