import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { startSwarm } from "../../dev/swarm/start-swarm.ts";
import type { SwarmHost } from "../../dev/swarm/swarm.ts";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { type AccountKey, accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import {
  type ContractId,
  type HostKey,
  idBytes,
  parseContractId,
  parseHostKey,
  parseRoot,
  type Root,
} from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { startRustWireHosts } from "../interop/support/rust-wire-hosts.ts";
import { contract } from "../rhp4/samples.ts";

/** Names a JSON file that lists real hosts: {@link HostList}. */
const HOST_LIST_VARIABLE = "SLABMEND_INTEROP_HOSTS";
/** Names the program test/interop/rust-host, a host made of the official crates. `npm run test:interop` sets it. */
export const RUST_HOST_VARIABLE = "SLABMEND_INTEROP_RUST_HOST";

/** How a host behaves. Every list needs an ordinary host; tests of a trait that no listed host has are skipped. */
const TRAITS = ["ordinary", "full", "shutting-down"] as const;
export type Trait = (typeof TRAITS)[number];

const HEX_32 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

const HostList = v.object({
  /**
   * The seed of a disposable account with at least 10^24 hastings on every host. The file must not contain a real
   * secret.
   */
  accountSeed: HEX_32,
  hosts: v.array(
    v.object({
      trait: v.picklist(TRAITS),
      hostKey: HEX_32,
      address: v.string(),
      /** A sector that the host finds corrupt when it reads it. */
      corruptRoot: v.optional(HEX_32),
      /** A contract that LatestRevision knows. */
      contractId: v.optional(HEX_32),
    }),
  ),
});

export interface WireHost {
  readonly trait: Trait;
  readonly hostKey: HostKey;
  readonly address: string;
  readonly corruptRoot: Root | undefined;
  readonly contractId: ContractId | undefined;
}

export interface WireHosts {
  readonly account: AccountKey;
  readonly hosts: readonly WireHost[];
  stop(): Promise<void>;
}

/** Our own hosts, each with one trait. */
async function startOwnHosts(): Promise<WireHosts> {
  const dir = await mkdtemp(join(tmpdir(), "slabmend-wire-"));
  const swarm = await startSwarm({ hostCount: TRAITS.length, seed: "wire tests", dir: join(dir, "hosts") });
  const account = accountKeyFromSeed(createHash("sha256").update("wire tests").digest());
  const corruptSector = createHash("shake256", { outputLength: SECTOR_BYTES }).update("corrupt").digest();
  const corruptRoot = createKernel({ memoryBytes: 4 * 1024 * 1024 }).sectorRoot(corruptSector);
  const contractId = parseContractId("cc".repeat(32));
  const prepare = async (host: SwarmHost, trait: Trait): Promise<WireHost> => {
    await host.fund(account.account, 10n ** 30n);
    if (trait === "ordinary") {
      await host.putSector(corruptRoot, corruptSector);
      const sample = { ...contract, hostPublicKey: idBytes(host.hostKey) };
      await host.setContract(contractId, { contract: sample, revisable: true, renewed: false });
    }
    await host.setSwitches({
      findsSectorsCorrupt: [corruptRoot],
      full: trait === "full",
      shuttingDown: trait === "shutting-down",
    });
    const { hostKey, address } = host;
    return { trait, hostKey, address, corruptRoot, contractId };
  };
  return {
    account,
    hosts: await Promise.all(swarm.hosts.map((host, index) => prepare(host, TRAITS[index]!))),
    stop: async () => {
      await swarm.stop();
      await rm(dir, { recursive: true });
    },
  };
}

/** The hosts of the tests, for `describe.each`: those that an environment variable names, or by default our own. */
export function wirePeers(
  environment: Readonly<Record<string, string | undefined>>,
): readonly { readonly peers: string; readonly start: () => Promise<WireHosts> }[] {
  const { [HOST_LIST_VARIABLE]: list, [RUST_HOST_VARIABLE]: rustHost } = environment;
  const others = [
    ...(list ? [{ peers: "real hosts", start: () => readRealHosts(list) }] : []),
    ...(rustHost
      ? [{ peers: "hosts of the official crates", start: () => startRustWireHosts(rustHost, TRAITS) }]
      : []),
  ];
  return others.length > 0 ? others : [{ peers: "our own hosts", start: startOwnHosts }];
}

async function readRealHosts(path: string): Promise<WireHosts> {
  const list = v.parse(HostList, JSON.parse(await readFile(path, "utf8")));
  return {
    account: accountKeyFromSeed(Buffer.from(list.accountSeed, "hex")),
    hosts: list.hosts.map(({ trait, hostKey, address, corruptRoot, contractId }) => ({
      trait,
      hostKey: parseHostKey(hostKey),
      address,
      corruptRoot: corruptRoot === undefined ? undefined : parseRoot(corruptRoot),
      contractId: contractId === undefined ? undefined : parseContractId(contractId),
    })),
    stop: async () => {},
  };
}
