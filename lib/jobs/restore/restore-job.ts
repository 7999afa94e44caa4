/**
 * Restores the placement of sectors after indexd's database was restored from a backup; docs/restore.md explains each
 * step. begin_restore has already started the prune hold, raised the journal's incarnation and set the fleet's mode.
 * Then:
 *
 *   contracts    ask hosts for the successors of the contracts in the backup
 *   unpinned     give unpinned sectors three days from now on, in case the restore ends early
 *   records      read what the journal's archive recorded after the backup
 *   placements   per slab: let hosts prove where its sectors are, and record the result
 *   scan         instead of records and placements, per slab: ask the recorded hosts for their sectors, and other hosts
 *                for sectors that are not there
 *   clocks       give unpinned sectors three days again, because the steps before may have taken days
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
import { endRestore, keepPrunesHeld, restartUnpinned } from "../../database/restore/restore-writes.ts";
import { ALL_MOVES_MS } from "../../database/restore/restored-moves.ts";
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
    clocks: (context) => restartClocks(deps, context),
    records: (context) => readRecords(deps, context),
    placements: (context) => placeSlabs(deps, context, readNetwork),
    scan: (context) => scanSlabs(deps, context, readNetwork, readRanking),
    events: (context) => tellClients(deps, context),
  };
  return {
    kind: "restore",
    async advance(context): Promise<Step> {
      // At other times reap renews the prune hold. During a restore reap does not run, so each page renews the prune
      // hold.
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
    async settle(context) {
      for (let after: string | undefined = "0"; after !== undefined; ) {
        after = (await restartPage(deps, context, after))?.last;
      }
      await end(deps, context);
      return true;
    },
  };
}

async function restartClocks(deps: RestoreDependencies, context: RunContext): Promise<Page> {
  const { after } = restoreCheckpointOf(context.run);
  const statistics = restoreStatisticsOf(context.run);
  const before = after === "0" ? 0 : statistics.unpinnedRestarted;
  const done = await restartPage(deps, context, after);
  if (done === null) return { statistics: { ...statistics, unpinnedRestarted: before } };
  return {
    at: { after: done.last },
    statistics: { ...statistics, unpinnedRestarted: before + done.sectors },
  };
}

function restartPage(deps: RestoreDependencies, context: RunContext, after: string) {
  const page = { after, most: SECTORS_A_PAGE };
  return context.ask((sql) => restartUnpinned(sql, writerOf(deps, context), page), { isIdempotent: true });
}

function end(deps: RestoreDependencies, context: RunContext): Promise<void> {
  const options = { isIdempotent: true, limitMs: ALL_MOVES_MS };
  return context.ask((sql) => endRestore(sql, writerOf(deps, context)), options);
}

async function tellClients(deps: RestoreDependencies, context: RunContext): Promise<Page> {
  const { ask, run } = context;
  const statistics = restoreStatisticsOf(run);
  while ((await flushOutbox((statement) => ask(statement), { verify: deps.verify })) > 0);
  await end(deps, context);
  return { statistics };
}
