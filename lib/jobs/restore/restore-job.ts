/**
 * Restores the placement of sectors after indexd's database was restored from a backup; docs/restore.md explains each
 * step. begin_restore has already started the prune hold, raised the journal's incarnation and set the fleet's mode.
 * Then:
 *
 *   contracts    ask hosts for the successors of the contracts in the backup
 *   unpinned     give the sectors that were unpinned at the time of the backup three days from now on
 *   records      read what the journal's archive recorded after the backup
 *   placements   per slab: let hosts prove where its sectors are, and record the result
 *   scan         instead of records and placements, per slab: ask the recorded hosts for their sectors, and other hosts
 *                for sectors that are not there
 *   events       announce the moves to clients
 *
 * A call of `advance` does one page of one step. Each page is idempotent: after a crash it is repeated, and only its
 * counts may be added twice.
 */
import { flushOutbox } from "../../database/indexd/bump-events.ts";
import {
  type NetworkHost,
  type NetworkSnapshot,
  readNetworkSnapshot,
} from "../../database/indexd/network-snapshot.ts";
import { endRestoreMode, keepPrunesHeld, restartUnpinned } from "../../database/restore/restore-writes.ts";
import { forgetRestoredMoves } from "../../database/restore/restored-moves.ts";
import type { MaintenanceJob, RunContext, Step } from "../maintenance/maintenance-job.ts";
import { chainContracts } from "./chain-contracts.ts";
import { placeSlabs } from "./place-archived.ts";
import { measureSurplus, rankHosts } from "./rank-hosts.ts";
import { readRecords } from "./read-records.ts";
import { type Page, type RestoreDependencies, writerOf } from "./restore-page.ts";
import {
  RESTORE_STEPS,
  type RestoreCheckpoint,
  restoreCheckpointOf,
  restoreScopeOf,
  restoreStatisticsOf,
  sourceOf,
} from "./restore-run.ts";
import { scanSlabs } from "./scan-slabs.ts";

const SECTORS_A_PAGE = 10_000;
const NETWORK_CACHE_MS = 60_000;

export function createRestoreJob(deps: RestoreDependencies): MaintenanceJob {
  let network: NetworkSnapshot | undefined;
  const readNetwork = async ({ ask, clock }: RunContext): Promise<NetworkSnapshot> => {
    if (network === undefined || clock.now() - network.takenAtMs >= NETWORK_CACHE_MS) {
      const options = { minHostDistanceKm: 0, now: () => clock.now() };
      network = await ask((sql) => readNetworkSnapshot(sql, options), { isIdempotent: true });
    }
    return network;
  };
  let ranking: readonly NetworkHost[] | undefined;
  const readRanking = async (context: RunContext): Promise<readonly NetworkHost[]> => {
    if (ranking === undefined) {
      const { hosts } = await readNetwork(context);
      const surplus = await measureSurplus(context.ask, deps.hosts, hosts, context.signal);
      ranking = rankHosts(hosts.values(), surplus);
    }
    return ranking;
  };
  const pages: Record<RestoreCheckpoint["step"], (context: RunContext) => Promise<Page>> = {
    contracts: (context) => chainContracts(deps, context, readNetwork),
    unpinned: (context) => restartClocks(deps, context),
    records: (context) => readRecords(deps, context),
    placements: (context) => placeSlabs(deps, context, readNetwork),
    scan: (context) => scanSlabs(deps, context, readNetwork, readRanking),
    events: (context) => tellClients(deps, context),
  };
  return {
    kind: "restore",
    async advance(context): Promise<Step> {
      // Reap renews the prune hold otherwise, but it does not run during a restore.
      await context.ask((sql) => keepPrunesHeld(sql, deps.verify), { isIdempotent: true });
      const checkpoint = restoreCheckpointOf(context.run);
      const page = await pages[checkpoint.step](context);
      const { at } = page;
      const statistics = { ...page.statistics, source: sourceOf(restoreScopeOf(context.run)) };
      await deps.step?.(checkpoint.step);
      if (at !== undefined) return { checkpoint: { ...checkpoint, ...at }, statistics };
      const next = RESTORE_STEPS[RESTORE_STEPS.indexOf(checkpoint.step) + 1];
      if (next === undefined) return { statistics, end: { state: "done" } };
      return { checkpoint: { step: next, after: "0" }, statistics };
    },
    /** The restored placements stay, and so does the prune hold: an operator decides what to do next. */
    async settle({ ask }) {
      await ask(forgetRestoredMoves, { isIdempotent: true });
      await ask(endRestoreMode, { isIdempotent: true });
      return true;
    },
  };
}

async function restartClocks(deps: RestoreDependencies, context: RunContext): Promise<Page> {
  const { ask, run } = context;
  const { after } = restoreCheckpointOf(run);
  const statistics = restoreStatisticsOf(run);
  const page = { after, most: SECTORS_A_PAGE };
  const done = await ask((sql) => restartUnpinned(sql, writerOf(deps, context), page), {
    isIdempotent: true,
  });
  if (done === null) return { statistics };
  const unpinnedRestarted = statistics.unpinnedRestarted + done.sectors;
  return { at: { after: done.last }, statistics: { ...statistics, unpinnedRestarted } };
}

async function tellClients({ verify }: RestoreDependencies, { ask, run }: RunContext): Promise<Page> {
  const statistics = restoreStatisticsOf(run);
  while ((await flushOutbox((statement) => ask(statement), { verify })) > 0);
  await ask(forgetRestoredMoves, { isIdempotent: true });
  await ask(endRestoreMode, { isIdempotent: true });
  return { statistics };
}
