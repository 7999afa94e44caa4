import { join } from "node:path";
import type { Clock } from "../../lib/clock/clock.ts";
import type { MerkleHasher } from "../../lib/merkle/merkle-hasher.ts";
import type { ContractId, HostKey, Root } from "../../lib/slab/ids.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { createDecoySector, type DecoySector } from "./decoy-sector.ts";
import { HostAccounts } from "./host-accounts.ts";
import { CounterTally, type HostCounters } from "./host-counters.ts";
import { hostIdentity } from "./host-identity.ts";
import { HostListener } from "./host-listener.ts";
import type { HostState } from "./host-state.ts";
import type { HostSwitches } from "./host-switches.ts";
import { LiveSwitches } from "./live-switches.ts";
import { PriceDesk } from "./price-desk.ts";
import { SectorStore } from "./sector-store.ts";
import { buildSectorTree, treeRoot } from "./sector-tree.ts";
import type { ContractOnHost, PriceList, SwarmHost } from "./swarm.ts";
import { SwarmError } from "./swarm-error.ts";

export interface LocalHostOptions {
  readonly index: number;
  readonly seed: string;
  readonly dir: string;
  readonly listen: string;
  readonly prices: PriceList;
  readonly tipHeight: bigint;
  readonly capacitySectors: number;
  readonly hasher: MerkleHasher;
  readonly clock: Clock;
  /** Chooses the port. */
  readonly random: () => number;
}

/** A host in this process. */
export class LocalHost implements SwarmHost {
  readonly index: number;
  readonly hostKey: HostKey;
  readonly #options: LocalHostOptions;
  readonly #state: HostState;
  readonly #listener: HostListener;
  /** The latest opening or closing of the listener; the next opening or closing begins when it has ended. */
  #lastTransition: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(options: LocalHostOptions) {
    const { index, clock, hasher } = options;
    const identity = hostIdentity(options.seed, index);
    const { hostKey } = identity;
    let decoy: DecoySector | undefined;
    this.index = index;
    this.hostKey = hostKey;
    this.#options = options;
    this.#state = {
      identity,
      clock,
      hasher,
      switches: new LiveSwitches(),
      prices: new PriceDesk({ hostKey, identity: identity.privateKey, clock, list: options.prices }),
      accounts: new HostAccounts(),
      sectors: new SectorStore(join(options.dir, `host-${String(index).padStart(2, "0")}`)),
      contracts: new Map(),
      capacitySectors: options.capacitySectors,
      tally: new CounterTally(),
      tipHeight: options.tipHeight,
      decoy: () => {
        decoy ??= createDecoySector(hasher, hostKey);
        return decoy;
      },
    };
    this.#listener = new HostListener(this.#state, options.listen);
  }

  get address(): string {
    return `${this.#options.listen}:${this.#listener.port}`;
  }

  async start(): Promise<void> {
    await this.#state.sectors.create();
    await this.#inTurn(() => this.#listener.open(this.#options.random));
  }

  async setSwitches(change: Partial<HostSwitches>): Promise<HostSwitches> {
    const switches = this.#state.switches.change(change);
    await this.#inTurn(() => this.#matchAvailability());
    this.#listener.paceChanged();
    return switches;
  }

  async setPrices(change: Partial<PriceList>): Promise<void> {
    this.#state.prices.change(change);
  }

  async expirePrices(): Promise<void> {
    this.#state.prices.revokeIssued();
  }

  async fund(account: Uint8Array, hastings: bigint): Promise<void> {
    this.#state.accounts.fund(account, hastings);
  }

  async balance(account: Uint8Array): Promise<bigint> {
    return this.#state.accounts.balance(account);
  }

  async putSector(root: Root, bytes: Uint8Array): Promise<void> {
    if (bytes.length !== SECTOR_BYTES)
      throw wrongSector(root, `expected ${SECTOR_BYTES} bytes, got ${bytes.length}`);
    const tree = buildSectorTree(this.#state.hasher, bytes);
    const actual = hexOf(treeRoot(tree));
    if (actual !== root) throw wrongSector(root, `these bytes have the root ${actual}`);
    await this.#state.sectors.store(root, bytes, tree, null);
  }

  async hasSector(root: Root): Promise<boolean> {
    return this.#state.sectors.has(root);
  }

  dropSector(root: Root): Promise<boolean> {
    return this.#state.sectors.drop(root);
  }

  async pinSector(root: Root): Promise<boolean> {
    return this.#state.sectors.pin(root);
  }

  async sectorExpiration(root: Root): Promise<bigint | null | undefined> {
    return this.#state.sectors.expirationHeight(root);
  }

  async sectorRoots(): Promise<Root[]> {
    return this.#state.sectors.roots();
  }

  async readSectorFile(root: Root): Promise<Uint8Array> {
    const bytes = await this.#state.sectors.readFile(root);
    if (bytes !== undefined) return bytes;
    throw new SwarmError({
      code: "no-such-sector",
      message: `host ${this.hostKey} has no sector ${root}`,
      remedy: "Use a host that stores it.",
    });
  }

  async setContract(contractId: ContractId, revision: ContractOnHost | null): Promise<void> {
    if (revision === null) this.#state.contracts.delete(contractId);
    else this.#state.contracts.set(contractId, revision);
  }

  async counters(): Promise<HostCounters> {
    return this.#state.tally.snapshot();
  }

  async resetCounters(): Promise<void> {
    this.#state.tally = new CounterTally();
  }

  async restart(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#listener.close();
      await this.#matchAvailability();
    });
  }

  async setTipHeight(height: bigint): Promise<void> {
    this.#state.tipHeight = height;
    await this.#state.sectors.expire(height);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#inTurn(() => this.#listener.close());
    await this.#state.sectors.remove();
  }

  async #matchAvailability(): Promise<void> {
    const wanted = !this.#stopped && this.#state.switches.current.availability !== "offline";
    if (wanted && !this.#listener.isOpen) await this.#listener.open(this.#options.random);
    if (!wanted && this.#listener.isOpen) await this.#listener.close();
  }

  #inTurn(transition: () => Promise<void>): Promise<void> {
    const result = this.#lastTransition.then(transition);
    this.#lastTransition = result.catch(() => undefined);
    return result;
  }
}

function wrongSector(root: Root, message: string): SwarmError {
  return new SwarmError({
    code: "wrong-sector",
    message: `sector ${root}: ${message}`,
    remedy: "Pass the root of these bytes.",
  });
}
