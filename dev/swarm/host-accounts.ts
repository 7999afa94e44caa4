import { hexOf } from "../../lib/slab/ids.ts";

/** The balances of accounts in hastings, in memory, by the account's key. The balance of an unknown account is 0. */
export class HostAccounts {
  readonly #balances = new Map<string, bigint>();

  balance(account: Uint8Array): bigint {
    return this.#balances.get(hexOf(account)) ?? 0n;
  }

  fund(account: Uint8Array, hastings: bigint): void {
    this.#balances.set(hexOf(account), this.balance(account) + hastings);
  }

  /** Debits the whole amount or nothing: a balance that is too small stays as it is. */
  debit(account: Uint8Array, hastings: bigint): "debited" | "not-enough-funds" {
    const left = this.balance(account) - hastings;
    if (left < 0n) return "not-enough-funds";
    this.#balances.set(hexOf(account), left);
    return "debited";
  }
}
