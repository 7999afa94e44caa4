/**
 * Restores where sectors are after indexd's database was restored from a backup: docs/restore.md says why each step is needed. It began with
 * begin_restore (prune hold, incarnation, mode); then
 *
 *   contracts    ask hosts which contracts took the place of those that the backup knows
 *   unpinned     give sectors that were unpinned then three days from now
 *   records      read the archive of the journal behind the backup
 *   placements   per slab: let hosts prove where its sectors are, and record that
 *   scan         per slab: ask other hosts for what is not where the database says, instead of reading the archive
 *   events       tell clients of what moved
 *
 * A call of `advance` does one page of one step. Each page is idempotent: after a crash it is done again, and only what it counted may be
 * counted twice.
 */
import { verifyArchive } from "../../archive/read-archive.ts";
import { flushOutbox } from "../../database/indexd/bump-events.ts";
import {
  type NetworkHost,
  type NetworkSnapshot,
  readNetworkSnapshot,
} from "../../database/indexd/network-snapshot.ts";
import type { JournalRow } from "../../database/journal/read-journal-rows.ts";
import { readUnrenewedContracts } from "../../database/restore/restore-reads.ts";
import {
  endRestoreMode,
  recordRenewal,
  restartUnpinned,
  unpinContract,
} from "../../database/restore/restore-writes.ts";
import {
  countRestoredMoves,
  forgetRestoredMoves,
  keepRestoredMoves,
  type RestoredMove,
} from "../../database/restore/restored-moves.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { parseHostKey, parseRoot } from "../../slab/ids.ts";
import { MaintenanceError } from "../maintenance/advance-run.ts";
import type { MaintenanceJob, RunContext, Step } from "../maintenance/maintenance-job.ts";
import { type ContractFate, followContract, isSilent } from "./follow-contracts.ts";
import { placeSlabs } from "./place-archived.ts";
import { measureSurplus, rankHosts } from "./rank-hosts.ts";
import { type Page, type RestoreDependencies, writerOf } from "./restore-page.ts";
import {
  counted,
  RESTORE_STEPS,
  type RestoreCheckpoint,
  type RestoreStatistics,
  restoreCheckpointOf,
  restoreScopeOf,
  restoreStatisticsOf,
  sourceOf,
} from "./restore-run.ts";
import { scanSlabs } from "./scan-slabs.ts";

const CONTRACTS_AT_ONCE = 64;
const SECTORS_A_PAGE = 10_000;
const ROWS_A_PAGE = 2_000;
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
  /** A host has answered in this process. */
  let hasReached = false;
  const pages: Record<RestoreCheckpoint["step"], (context: RunContext) => Promise<Page>> = {
    contracts: async (context) => {
      const { page, fates } = await chainContracts(deps, context, { readNetwork, hasReached });
      hasReached ||= fates.some((fate) => !isSilent(fate));
      return page;
    },
    unpinned: (context) => restartClocks(deps, context),
    records: (context) => readRecords(deps, context),
    placements: (context) => placeSlabs(deps, context, readNetwork),
    scan: (context) => scanSlabs(deps, context, readNetwork, readRanking),
    events: (context) => tellClients(deps, context),
  };
  return {
    kind: "restore",
    async advance(context): Promise<Step> {
      const checkpoint = restoreCheckpointOf(context.run);
      const page = await pages[checkpoint.step](context);
      const { at } = page;
      const statistics = { ...page.statistics, source: sourceOf(restoreScopeOf(context.run)) };
      await deps.step?.(checkpoint.step);
      if (at !== undefined) return { checkpoint: { ...checkpoint, ...at }, statistics };
      const next = RESTORE_STEPS[RESTORE_STEPS.indexOf(checkpoint.step) + 1];
      if (next === undefined) return { statistics, end: { state: "done" } };
      return { checkpoint: { step: next, after: "0", rows: 0 }, statistics };
    },
    /** What was restored stays, and so does the prune hold: an operator decides what comes next. */
    async settle({ ask }) {
      await ask(forgetRestoredMoves, { isIdempotent: true });
      await ask(endRestoreMode, { isIdempotent: true });
      return true;
    },
  };
}

/** Of so many contracts some host answers, unless this process reaches none. */
const SILENT_CONTRACTS = 5;

async function chainContracts(
  deps: RestoreDependencies,
  context: RunContext,
  {
    readNetwork,
    hasReached,
  }: {
    readonly readNetwork: (context: RunContext) => Promise<NetworkSnapshot>;
    readonly hasReached: boolean;
  },
): Promise<{ readonly page: Page; readonly fates: readonly ContractFate[] }> {
  const { ask, run, signal } = context;
  const { after } = restoreCheckpointOf(run);
  let statistics = restoreStatisticsOf(run);
  const page = { after, limit: CONTRACTS_AT_ONCE };
  const contracts = await ask((sql) => readUnrenewedContracts(sql, page), { isIdempotent: true });
  if (contracts.length === 0) return { page: { statistics }, fates: [] };
  const { hosts: known } = await readNetwork(context);
  const fates = await Promise.all(
    contracts.map((contract) => followContract(deps.hosts, known.get(contract.hostId), contract, signal)),
  );
  if (!hasReached && fates.length >= SILENT_CONTRACTS && fates.every(isSilent)) throw hostsSilent(fates);
  for (const fate of fates) statistics = await recordFate(deps, context, fate, statistics);
  const contractsAsked = statistics.contractsAsked + contracts.length;
  return {
    page: { at: { after: contracts.at(-1)!.id }, statistics: { ...statistics, contractsAsked } },
    fates,
  };
}

/** The run stays as it is. Unpinning what cannot be asked for would be right only if the hosts were silent, and not this machine. */
function hostsSilent(fates: readonly ContractFate[]): OperatorError {
  const codes = new Set(fates.flatMap((fate) => (fate.kind === "unknown" ? fate.code : [])));
  return new OperatorError({
    code: "hosts-silent",
    message: `restore: expected a host to answer for one of ${fates.length} contracts, got ${[...codes].join(", ")}`,
    remedy: "Check that this machine reaches hosts (slabmend doctor), then: slabmend restore continue.",
  });
}

async function recordFate(
  deps: RestoreDependencies,
  context: RunContext,
  fate: ContractFate,
  statistics: RestoreStatistics,
): Promise<RestoreStatistics> {
  const { ask } = context;
  const writer = writerOf(deps, context);
  for (const renewal of fate.renewals) {
    await ask((sql) => recordRenewal(sql, writer, renewal), { isIdempotent: true });
    await deps.step?.("renewal-recorded");
  }
  const chained = { ...statistics, contractsChained: statistics.contractsChained + fate.renewals.length };
  if (fate.kind === "known") return chained;
  let sectors = 0;
  for (let page = SECTORS_A_PAGE; page === SECTORS_A_PAGE; sectors += page) {
    page = await ask((sql) => unpinContract(sql, writer, fate.last, SECTORS_A_PAGE), { isIdempotent: true });
    await deps.step?.("contract-unpinned");
  }
  return {
    ...chained,
    contractsUnknown: counted(chained.contractsUnknown, fate.code),
    sectorsUnpinned: chained.sectorsUnpinned + sectors,
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

/**
 * All of the archive behind the backup in one call: only a whole pass from its beginning is known to be in order. Doing it
 * again is harmless, because the last row wins.
 */
async function readRecords(
  { archive }: RestoreDependencies,
  { ask, run, signal }: RunContext,
): Promise<Page> {
  const statistics = restoreStatisticsOf(run);
  const scope = restoreScopeOf(run).archive;
  if (scope === null) return { statistics };
  if (archive === undefined || archive.place !== scope.place) throw otherArchive(scope.place, archive?.place);
  const { walletHash } = scope;
  const after = scope.after ?? undefined;
  const verified = await verifyArchive(
    archive,
    { walletHash, ...(after === undefined ? {} : { after }) },
    signal,
  );
  let rows = 0;
  let kept = new Map<string, RestoredMove>();
  const keep = async (): Promise<void> => {
    const moves = [...kept.values()];
    kept = new Map();
    if (moves.length > 0) await ask((sql) => keepRestoredMoves(sql, moves), { isIdempotent: true });
  };
  for await (const row of verified.rows()) {
    for (const move of movesOf(row)) kept.set(move.root, move);
    rows += 1;
    if (rows % ROWS_A_PAGE === 0) await keep();
  }
  await keep();
  const { sectors, slabsUnknown, sectorsUnknown } = await ask(countRestoredMoves, { isIdempotent: true });
  return {
    statistics: { ...statistics, recordsRead: rows, sectorsNamed: sectors, slabsUnknown, sectorsUnknown },
  };
}

/** A sector that was lost and stored elsewhere in the same row is where it was stored. */
function movesOf({ digest, moves, lost }: JournalRow): readonly RestoredMove[] {
  const moved = moves as readonly { readonly root: string; readonly to: string }[];
  const denied = lost as readonly { readonly root: string }[];
  return [
    ...denied.map(({ root }) => ({ root: parseRoot(root), digest, hostKey: null })),
    ...moved.map(({ root, to }) => ({ root: parseRoot(root), digest, hostKey: parseHostKey(to) })),
  ];
}

async function tellClients({ verify }: RestoreDependencies, { ask, run }: RunContext): Promise<Page> {
  const statistics = restoreStatisticsOf(run);
  while ((await flushOutbox((statement) => ask(statement), { verify })) > 0);
  await ask(forgetRestoredMoves, { isIdempotent: true });
  await ask(endRestoreMode, { isIdempotent: true });
  return { statistics };
}

function otherArchive(expected: string, got: string | undefined): MaintenanceError {
  return new MaintenanceError({
    code: "other-archive",
    message: `restore: expected the archive ${expected}, got ${got ?? "none"}`,
    remedy: "Set SLABMEND_ARCHIVE to the one that the run was started with, and start the restore again.",
  });
}
