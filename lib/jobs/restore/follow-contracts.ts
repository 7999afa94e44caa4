/** The successors of a contract since the backup, according to its host. */
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import type { UnrenewedContract } from "../../database/restore/restore-reads.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import { type FileContract, isSignedByRenter } from "../../rhp4/file-contract.ts";
import { renewalIdOf } from "../../rhp4/renewal-id.ts";
import { type ContractId, hexOf } from "../../slab/ids.ts";

export type ContractFate =
  /** Renewals in order; none: the contract is the current one. */
  | { readonly kind: "known"; readonly renewals: readonly Renewal[] }
  /** The host's answers end before the current contract: the renewals known so far, and the reason. */
  | {
      readonly kind: "unknown";
      readonly renewals: readonly Renewal[];
      readonly last: ContractId;
      readonly code: string;
    };

export interface Renewal {
  readonly from: ContractId;
  readonly to: ContractId;
  readonly contract: FileContract;
}

/** The host did not answer at all: nothing is known of the contract, and the fault may be on our side. */
export const isSilent = (fate: ContractFate): boolean =>
  fate.kind === "unknown" && fate.renewals.length === 0 && !ANSWERS.includes(fate.code);

/** Codes that show that the host answered. */
const ANSWERS: readonly string[] = ["contract-not-found", "forged-renewal", "too-many-renewals"];

/** indexd renews a contract every few weeks and refreshes it when it runs out of funds; a host that reports more misleads us. */
const MOST_RENEWALS = 1_000;
const ATTEMPTS = 3;

/**
 * Follows a contract: while the host says that it was renewed, the successor's id is derived from its id
 * (lib/rhp4/renewal-id.ts). The requests are free and need no signature.
 */
export async function followContract(
  hosts: Pick<HostPool, "latestRevision">,
  host: NetworkHost | undefined,
  { contractId, renterPublicKey }: Pick<UnrenewedContract, "contractId" | "renterPublicKey">,
  signal: AbortSignal,
): Promise<ContractFate> {
  const renewals: Renewal[] = [];
  let last = contractId;
  if (host === undefined) return { kind: "unknown", renewals, last, code: "unknown-host" };
  try {
    let revision = await ask(hosts, host, last, signal);
    while (revision.renewed) {
      if (renewals.length === MOST_RENEWALS)
        return { kind: "unknown", renewals: [], last: contractId, code: "too-many-renewals" };
      const next = renewalIdOf(last);
      revision = await ask(hosts, host, next, signal);
      // Only this indexer's wallet can have signed it, for this host. A host that repeats an older contract of its own only loses
      // us: indexd does not find the id on the chain, and rejects it.
      const { contract } = revision;
      if (hexOf(contract.hostPublicKey) !== host.hostKey || !isSignedByRenter(contract, renterPublicKey)) {
        return { kind: "unknown", renewals, last, code: "forged-renewal" };
      }
      renewals.push({ from: last, to: next, contract });
      last = next;
    }
    return { kind: "known", renewals };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    signal.throwIfAborted();
    return { kind: "unknown", renewals, last, code: error.code };
  }
}

async function ask(
  hosts: Pick<HostPool, "latestRevision">,
  host: NetworkHost,
  contractId: ContractId,
  signal: AbortSignal,
) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await hosts.latestRevision(host, contractId, signal);
    } catch (error) {
      // A statement of the host is an answer; any other failure may be temporary.
      const isAnswer = error instanceof HostError && error.code === "contract-not-found";
      if (isAnswer || attempt === ATTEMPTS || signal.aborted) throw error;
    }
  }
}
