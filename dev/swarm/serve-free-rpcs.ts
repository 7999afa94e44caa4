import {
  ACCOUNT_BALANCE_REQUEST_BYTES,
  decodeAccountBalanceRequest,
  encodeAccountBalanceResponse,
} from "../../lib/rhp4/account-balance.ts";
import {
  decodeLatestRevisionRequest,
  encodeLatestRevisionResponse,
  LATEST_REVISION_REQUEST_BYTES,
} from "../../lib/rhp4/latest-revision.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import { encodeSettingsResponse } from "../../lib/rhp4/settings.ts";
import type { HostState } from "./host-state.ts";
import { readRequest } from "./read-request.ts";
import { CONTRACT_NOT_FOUND, Refused } from "./refusals.ts";

/** Limits as hosts commonly report them: contracts of at most half a year, counted in blocks, and enough collateral. */
const MAX_CONTRACT_DURATION_BLOCKS = 25_920n;
const MAX_COLLATERAL = 10_000n * 10n ** 24n;

export async function serveSettings(host: HostState, stream: RpcStream): Promise<void> {
  const { full, priceValidityMs } = host.switches.current;
  const room = full ? 0 : Math.max(0, host.capacitySectors - host.sectors.count);
  const response = encodeSettingsResponse({
    // The current public server always reports this version, regardless of the host's configuration.
    protocolVersion: [5, 1, 0],
    release: "slabmend swarm",
    walletAddress: new Uint8Array(32),
    acceptingContracts: true,
    maxCollateral: MAX_COLLATERAL,
    maxContractDurationBlocks: MAX_CONTRACT_DURATION_BLOCKS,
    remainingStorageSectors: BigInt(room),
    totalStorageSectors: BigInt(host.capacitySectors),
    prices: host.prices.issue(host.tipHeight, priceValidityMs),
  });
  await stream.write(response);
}

export async function serveAccountBalance(host: HostState, stream: RpcStream): Promise<void> {
  const account = await readRequest(stream, ACCOUNT_BALANCE_REQUEST_BYTES, decodeAccountBalanceRequest);
  const balance = host.switches.current.outOfFunds ? 0n : host.accounts.balance(account);
  await stream.write(encodeAccountBalanceResponse(balance));
}

export async function serveLatestRevision(host: HostState, stream: RpcStream): Promise<void> {
  const contractId = await readRequest(stream, LATEST_REVISION_REQUEST_BYTES, decodeLatestRevisionRequest);
  const revision = host.contracts.get(contractId);
  if (revision === undefined) throw new Refused(CONTRACT_NOT_FOUND);
  await stream.write(encodeLatestRevisionResponse(revision));
}
