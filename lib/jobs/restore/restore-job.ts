/**
 * Restores the placement of sectors after indexd's database was restored from a backup; docs/restore.md explains each step. It
 * began with begin_restore (prune hold, incarnation, mode); then:
 *
 *   contracts    ask hosts for the successors of the contracts in the backup
 *   unpinned     give sectors that were unpinned then three days from now
 *   records      read the archive of the journal after the backup
 *   placements   per slab: let hosts prove where its sectors are, and record that
 *   events       announce the moves to clients
 *
 * A call of `advance` does one page of one step. Each page is idempotent: after a crash it is repeated, and only its counts may
 * be added twice.
 */
import type { ArchiveStorage } from "../../archive/archive-storage.ts";
import { verifyArchive } from "../../archive/read-archive.ts";
import { flushOutbox } from "../../database/indexd/bump-events.ts";
import { type NetworkSnapshot, readNetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { VerifyOptions } from "../../database/indexd/version/write-verified.ts";
import type { JournalRow } from "../../database/journal/read-journal-rows.ts";
import { readUnrenewedContracts } from "../../database/restore/restore-reads.ts";
import {
  endRestoreMode,
  placeSectors,
  type RestoreWriter,
  recordRenewal,
  restartUnpinned,
  unpinContract,
} from "../../database/restore/restore-writes.ts";
import {
  countRestoredMoves,
  forgetRestoredMoves,
  keepRestoredMoves,
  type NamedSector,
  type RestoredMove,
  readNamedSectors,
} from "../../database/restore/restored-moves.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type HostId, parseHostKey, parseRoot, type SlabId } from "../../slab/ids.ts";
import { MaintenanceError } from "../maintenance/advance-run.ts";
import type { MaintenanceJob, RunContext, Step } from "../maintenance/maintenance-job.ts";
import { proveLeaf } from "../repair/prove-leaf.ts";
import { PROOF_MS } from "../verify/ask-hosts.ts";
import { decidePlacements, type Proof } from "./decide-placements.ts";
import { type ContractFate, followContract } from "./follow-contracts.ts";
import {
  counted,
  RESTORE_STEPS,
  type RestoreCheckpoint,
  type RestoreStatistics,
  restoreCheckpointOf,
  restoreScopeOf,
  restoreStatisticsOf,
} from "./restore-run.ts";

export interface RestoreDependencies {
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly random: () => number;
  readonly verify: VerifyOptions;
  /** The archive with which the run was started; undefined: none is configured in this process. */
  readonly archive: ArchiveStorage | undefined;
  /** For kill tests: called after each write. */
  readonly step?: (name: string) => void | Promise<void>;
}

const CONTRACTS_AT_ONCE = 64;
const SECTORS_A_PAGE = 10_000;
const ROWS_A_PAGE = 2_000;
const SLABS_A_PAGE = 16;
const NETWORK_CACHE_MS = 60_000;

/** Result of one page of a step. */
interface Page {
  /** Undefined: the step is done. */
  readonly at?: Partial<RestoreCheckpoint>;
  readonly statistics: RestoreStatistics;
}

export function createRestoreJob(deps: RestoreDependencies): MaintenanceJob {
  let network: NetworkSnapshot | undefined;
  const readNetwork = async ({ ask, clock }: RunContext): Promise<NetworkSnapshot> => {
    if (network === undefined || clock.now() - network.takenAtMs >= NETWORK_CACHE_MS) {
      const options = { minHostDistanceKm: 0, now: () => clock.now() };
      network = await ask((sql) => readNetworkSnapshot(sql, options), { isIdempotent: true });
    }
    return network;
  };
  const pages: Record<RestoreCheckpoint["step"], (context: RunContext) => Promise<Page>> = {
    contracts: (context) => chainContracts(deps, context, readNetwork),
    unpinned: (context) => restartClocks(deps, context),
    records: (context) => readRecords(deps, context),
    placements: (context) => placeSlabs(deps, context, readNetwork),
    events: (context) => tellClients(deps, context),
  };
  return {
    kind: "restore",
    async advance(context): Promise<Step> {
      const checkpoint = restoreCheckpointOf(context.run);
      const { at, statistics } = await pages[checkpoint.step](context);
      await deps.step?.(checkpoint.step);
      if (at !== undefined) return { checkpoint: { ...checkpoint, ...at }, statistics };
      const next = RESTORE_STEPS[RESTORE_STEPS.indexOf(checkpoint.step) + 1];
      if (next === undefined) return { statistics, end: { state: "done" } };
      return { checkpoint: { step: next, after: "0", rows: 0 }, statistics };
    },
    /** The restored placements stay, and so does the prune hold: an operator decides what to do next. */
    async settle({ ask }) {
      await ask(forgetRestoredMoves, { isIdempotent: true });
      await ask(endRestoreMode, { isIdempotent: true });
      return true;
    },
  };
}

const writerOf = ({ verify }: RestoreDependencies, { run, token }: RunContext): RestoreWriter => ({
  run: run.id,
  token,
  verify,
});

async function chainContracts(
  deps: RestoreDependencies,
  context: RunContext,
  readNetwork: (context: RunContext) => Promise<NetworkSnapshot>,
): Promise<Page> {
  const { ask, run, signal } = context;
  const { after } = restoreCheckpointOf(run);
  let statistics = restoreStatisticsOf(run);
  const page = { after, limit: CONTRACTS_AT_ONCE };
  const contracts = await ask((sql) => readUnrenewedContracts(sql, page), { isIdempotent: true });
  if (contracts.length === 0) return { statistics };
  const { hosts: known } = await readNetwork(context);
  const fates = await Promise.all(
    contracts.map((contract) => followContract(deps.hosts, known.get(contract.hostId), contract, signal)),
  );
  for (const fate of fates) statistics = await recordFate(deps, context, fate, statistics);
  return {
    at: { after: contracts.at(-1)!.id },
    statistics: { ...statistics, contractsAsked: statistics.contractsAsked + contracts.length },
  };
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
 * Reads the whole archive after the backup in one call, because only a complete pass from its beginning is known to be in order.
 * Repeating it is harmless, because the last row wins.
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

/** A sector that was lost and stored elsewhere in the same row counts as stored there. */
function movesOf({ digest, moves, lost }: JournalRow): readonly RestoredMove[] {
  const moved = moves as readonly { readonly root: string; readonly to: string }[];
  const denied = lost as readonly { readonly root: string }[];
  return [
    ...denied.map(({ root }) => ({ root: parseRoot(root), digest, hostKey: null })),
    ...moved.map(({ root, to }) => ({ root: parseRoot(root), digest, hostKey: parseHostKey(to) })),
  ];
}

async function placeSlabs(
  deps: RestoreDependencies,
  context: RunContext,
  readNetwork: (context: RunContext) => Promise<NetworkSnapshot>,
): Promise<Page> {
  const { ask, run } = context;
  const { after } = restoreCheckpointOf(run);
  let statistics = restoreStatisticsOf(run);
  const page = { after, slabs: SLABS_A_PAGE };
  const named = await ask((sql) => readNamedSectors(sql, page), { isIdempotent: true });
  if (named.length === 0) return { statistics };
  const { hosts: known } = await readNetwork(context);
  const asked = await askForProofs(deps, context, named, known);
  statistics = {
    ...statistics,
    probes: statistics.probes + asked.probes,
    hastings: String(BigInt(statistics.hastings) + asked.hastings),
  };
  for (const [slabId, sectors] of Map.groupBy(named, (sector) => sector.slabId)) {
    const plan = decidePlacements(sectors, asked.proofOf);
    const { placed, lost, denied, refused } = await recordPlan(deps, context, slabId, plan);
    statistics = {
      ...statistics,
      placed: statistics.placed + placed,
      lost: statistics.lost + lost,
      denied: statistics.denied + denied,
      alreadyRight: statistics.alreadyRight + plan.alreadyRight,
      unanswered: plan.unanswered.reduce((counts, code) => counted(counts, code), statistics.unanswered),
      refused: refused.reduce((counts, { why }) => counted(counts, why), statistics.refused),
    };
  }
  return { at: { after: String(named.at(-1)!.slabId) }, statistics };
}

async function recordPlan(
  deps: RestoreDependencies,
  context: RunContext,
  slabId: SlabId,
  plan: ReturnType<typeof decidePlacements>,
) {
  if (plan.found.length + plan.absent.length + plan.lost.length + plan.earlier.length === 0) {
    return { placed: 0, lost: 0, denied: 0, refused: [] };
  }
  const writer = writerOf(deps, context);
  const placed = await context.ask((sql) => placeSectors(sql, writer, slabId, plan), { isIdempotent: true });
  await deps.step?.("slab-placed");
  return placed;
}

/** For each sector asks the archive's host first and, if that fails, the host recorded in the database. */
async function askForProofs(
  deps: RestoreDependencies,
  { signal }: RunContext,
  named: readonly NamedSector[],
  known: NetworkSnapshot["hosts"],
) {
  const proofs = new Map<string, Proof>();
  let probes = 0;
  let hastings = 0n;
  const terms = {
    signal,
    deadlineMs: PROOF_MS,
    onCharged: (cost: bigint): void => {
      hastings += cost;
    },
  };
  const prove = async (sector: NamedSector, hostId: HostId): Promise<Proof> => {
    const host = known.get(hostId);
    if (host === undefined) return { kind: "unanswered", code: "unknown-host" };
    probes += 1;
    const answer = await proveLeaf(deps, { root: sector.root, host }, terms);
    if (answer.kind === "confirmed") return { kind: "proved" };
    if (answer.kind === "wrong-data") return { kind: "denied", code: "corrupt" };
    return answer;
  };
  await Promise.all(
    named.map(async (sector) => {
      const { archivedAt, recordedAt, root } = sector;
      for (const hostId of archivedAt === recordedAt ? [] : [archivedAt, recordedAt]) {
        if (hostId === null) continue;
        const proof = await prove(sector, hostId);
        proofs.set(`${root} ${hostId}`, proof);
        if (proof.kind === "proved") return;
      }
    }),
  );
  signal.throwIfAborted();
  const proofOf = ({ root }: NamedSector, hostId: HostId): Proof => proofs.get(`${root} ${hostId}`)!;
  return { probes, hastings, proofOf };
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
    remedy:
      "Set SLABMEND_ARCHIVE to the archive with which the run was started, and start the restore again.",
  });
}
