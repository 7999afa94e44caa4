import type { Clock } from "../../lib/clock/clock.ts";
import type { MerkleHasher } from "../../lib/merkle/merkle-hasher.ts";
import type { LatestRevision } from "../../lib/rhp4/latest-revision.ts";
import type { ContractId } from "../../lib/slab/ids.ts";
import type { DecoySector } from "./decoy-sector.ts";
import type { HostAccounts } from "./host-accounts.ts";
import type { CounterTally } from "./host-counters.ts";
import type { HostIdentity } from "./host-identity.ts";
import type { LiveSwitches } from "./live-switches.ts";
import type { PriceDesk } from "./price-desk.ts";
import type { SectorStore } from "./sector-store.ts";

/** All state that serving an RPC may read or change. It lives as long as the host, while connections come and go. */
export interface HostState {
  readonly identity: HostIdentity;
  readonly clock: Clock;
  readonly hasher: MerkleHasher;
  readonly switches: LiveSwitches;
  readonly prices: PriceDesk;
  readonly accounts: HostAccounts;
  readonly sectors: SectorStore;
  readonly contracts: Map<ContractId, LatestRevision>;
  readonly capacitySectors: number;
  tally: CounterTally;
  tipHeight: bigint;
  decoy(): DecoySector;
}
