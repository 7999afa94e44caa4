import { hexOf } from "../../lib/slab/ids.ts";

/** Balances in hastings, by account key, in memory. An unknown account has 0. */
export class HostAccounts {
  readonly #balances = new Map<string, bigint>();

  balance(account: Uint8Array): bigint {
    return this.#balances.get(hexOf(account)) ?? 0n;
  }

  fund(account: Uint8Array, hastings: bigint): void {
    this.#balances.set(hexOf(account), this.balance(account) + hastings);
  }

  /** All or nothing: an insufficient balance is not changed. */
  debit(account: Uint8Array, hastings: bigint): "debited" | "not-enough-funds" {
    const left = this.balance(account) - hastings;
    if (left < 0n) return "not-enough-funds";
    this.#balances.set(hexOf(account), left);
    return "debited";
  }
}
