/** The renewals of a contract since the backup, according to its host. */
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import type { UnrenewedContract } from "../../database/restore/restore-reads.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import { type FileContract, isSignedByRenter } from "../../rhp4/file-contract.ts";
import { renewalIdOf } from "../../rhp4/renewal-id.ts";
import { type ContractId, hexOf } from "../../slab/ids.ts";

export type ContractFate =
  /** All renewals in order; empty: the contract was not renewed. */
  | { readonly kind: "known"; readonly renewals: readonly Renewal[] }
  /**
   * The host's answers ended before the current contract was found. `renewals` are those found, `code` is the reason.
   */
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

/** Whether the host did not answer at all: then nothing is known of the contract, and the fault may be on our side. */
export const isSilent = (fate: ContractFate): boolean =>
  fate.kind === "unknown" && fate.renewals.length === 0 && !ANSWERS.includes(fate.code);

/** Codes that show that the host answered. */
const ANSWERS: readonly string[] = ["contract-not-found", "forged-renewal", "too-many-renewals"];

/**
 * No honest host reports this many renewals of a contract: indexd renews a contract every few weeks, and refreshes a
 * contract when the contract's funds run out.
 */
const MOST_RENEWALS = 1_000;
const ATTEMPTS = 3;

/**
 * Follows a contract to its current successor. As long as the host says that a contract was renewed, the id of the next
 * contract is derived from that contract's id (lib/rhp4/renewal-id.ts). The requests are free and need no signature.
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
      // Only this indexer's wallet can have signed the new contract for this host. A host may send an older contract of
      // its own, signed in the same way, but gains nothing: indexd does not find the new id on the chain, and rejects
      // the contract, so the host loses its sectors.
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
      // `contract-not-found` is the host's own answer; any other failure may be temporary.
      const isAnswer = error instanceof HostError && error.code === "contract-not-found";
      if (isAnswer || attempt === ATTEMPTS || signal.aborted) throw error;
    }
  }
}
