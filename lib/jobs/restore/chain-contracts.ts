/** The step `contracts`: records the renewals of contracts since the backup, as reported by hosts. */
import type { NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import { readUnrenewedContracts } from "../../database/restore/restore-reads.ts";
import { recordRenewal, unpinContract } from "../../database/restore/restore-writes.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import type { RunContext } from "../maintenance/maintenance-job.ts";
import { type ContractFate, followContract, isSilent } from "./follow-contracts.ts";
import { type Page, type RestoreDependencies, writerOf } from "./restore-page.ts";
import { counted, type RestoreStatistics, restoreCheckpointOf, restoreStatisticsOf } from "./restore-run.ts";

const CONTRACTS_AT_ONCE = 64;
const SECTORS_A_PAGE = 10_000;
/**
 * If hosts were asked about at least this many contracts and none answered, this process probably cannot reach any
 * host.
 */
const SILENT_CONTRACTS = 5;

/** @throws {OperatorError} `hosts-silent` */
export async function chainContracts(
  deps: RestoreDependencies,
  context: RunContext,
  readNetwork: (context: RunContext) => Promise<NetworkSnapshot>,
): Promise<Page> {
  const { run } = context;
  const { after } = restoreCheckpointOf(run);
  let statistics = restoreStatisticsOf(run);
  const { fates, last } = await askForFates(deps, context, readNetwork, after);
  if (last === undefined) return { statistics };
  // Perhaps this machine has lost its network since the run began. To find out, hosts are asked again about the run's
  // first contracts: if any of these hosts answers, only the hosts of the present page are unavailable.
  if (
    areSilent(fates) &&
    (after === "0" || areSilent((await askForFates(deps, context, readNetwork, "0")).fates))
  )
    throw hostsSilent(fates);
  for (const fate of fates) statistics = await recordFate(deps, context, fate, statistics);
  const contractsAsked = statistics.contractsAsked + fates.length;
  return { at: { after: last }, statistics: { ...statistics, contractsAsked } };
}

const areSilent = (fates: readonly ContractFate[]): boolean =>
  fates.length >= SILENT_CONTRACTS && fates.every(isSilent);

async function askForFates(
  deps: RestoreDependencies,
  context: RunContext,
  readNetwork: (context: RunContext) => Promise<NetworkSnapshot>,
  after: string,
): Promise<{ readonly fates: readonly ContractFate[]; readonly last: string | undefined }> {
  const { ask, signal } = context;
  const page = { after, limit: CONTRACTS_AT_ONCE };
  const contracts = await ask((sql) => readUnrenewedContracts(sql, page), { isIdempotent: true });
  if (contracts.length === 0) return { fates: [], last: undefined };
  const { hosts: known } = await readNetwork(context);
  const fates = await Promise.all(
    contracts.map((contract) => followContract(deps.hosts, known.get(contract.hostId), contract, signal)),
  );
  return { fates, last: contracts.at(-1)!.id };
}

/**
 * Thrown before anything of the page is recorded. The successors of the page's contracts are unknown; but if this
 * machine is at fault rather than the hosts, the sectors of these contracts must not be unpinned.
 */
function hostsSilent(fates: readonly ContractFate[]): OperatorError {
  const codes = new Set(fates.flatMap((fate) => (fate.kind === "unknown" ? fate.code : [])));
  return new OperatorError({
    code: "hosts-silent",
    message: `restore: expected an answer for at least one of ${fates.length} contracts, got ${[...codes].join(", ")}`,
    remedy: "Check that this machine can reach hosts (slabmend doctor), then: slabmend restore continue.",
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
