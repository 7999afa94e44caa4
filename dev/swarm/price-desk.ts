import type { KeyObject } from "node:crypto";
import type { Clock } from "../../lib/clock/clock.ts";
import {
  type HostPrices,
  hostPricesExpired,
  hostPricesSignedBy,
  signHostPrices,
} from "../../lib/rhp4/host-prices.ts";
import { type HostKey, hexOf } from "../../lib/slab/ids.ts";
import type { PriceList } from "./swarm.ts";

/** The result of the check of a price table: "valid", or the reason of the refusal in a real host's words. */
export type PricesVerdict = "valid" | "prices expired" | "invalid signature";

/** Issues a host's price tables, and checks the price tables in requests. */
export class PriceDesk {
  readonly #hostKey: HostKey;
  readonly #identity: KeyObject;
  readonly #clock: Clock;
  #list: PriceList;
  /** When each issued table expires, in Unix seconds, by the table's signature. */
  #issued = new Map<string, bigint>();
  #revoked = new Map<string, bigint>();

  constructor(options: {
    readonly hostKey: HostKey;
    readonly identity: KeyObject;
    readonly clock: Clock;
    readonly list: PriceList;
  }) {
    this.#hostKey = options.hostKey;
    this.#identity = options.identity;
    this.#clock = options.clock;
    this.#list = options.list;
  }

  change(change: Partial<PriceList>): void {
    this.#list = { ...this.#list, ...change };
  }

  issue(tipHeight: bigint, validityMs: number): HostPrices {
    const nowMs = this.#clock.now();
    let validUntilSeconds = BigInt(Math.max(0, Math.floor((nowMs + validityMs) / 1000)));
    let prices = signHostPrices({ ...this.#list, tipHeight, validUntilSeconds }, this.#identity);
    // Ed25519 is deterministic: a table with the same prices and expiry as a revoked table would equal it and be
    // refused. So the new table expires a second later.
    while (this.#revoked.has(hexOf(prices.signature))) {
      validUntilSeconds += 1n;
      prices = signHostPrices({ ...this.#list, tipHeight, validUntilSeconds }, this.#identity);
    }
    this.#issued.set(hexOf(prices.signature), validUntilSeconds);
    return prices;
  }

  /** All tables issued so far count as expired from now on. */
  revokeIssued(): void {
    const nowSeconds = BigInt(Math.floor(this.#clock.now() / 1000));
    const stillMatter = [...this.#revoked, ...this.#issued].filter(([, until]) => until > nowSeconds);
    this.#revoked = new Map(stillMatter);
    this.#issued = new Map();
  }

  /**
   * Checks first the expiry and then the signature, as a real host does. Accepts every table that this host has signed,
   * whichever client got it.
   */
  check(prices: HostPrices): PricesVerdict {
    if (hostPricesExpired(prices, this.#clock.now())) return "prices expired";
    if (this.#revoked.has(hexOf(prices.signature))) return "prices expired";
    return hostPricesSignedBy(prices, this.#hostKey) ? "valid" : "invalid signature";
  }
}
