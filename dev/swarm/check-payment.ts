import { checkAccountToken } from "../../lib/rhp4/account-token.ts";
import type { Payment } from "../../lib/rhp4/payment.ts";
import type { HostState } from "./host-state.ts";
import { NOT_ENOUGH_FUNDS, Refused } from "./refusals.ts";

/**
 * Makes the checks with which a host begins every paid request, in a real host's order.
 * @returns why the request is refused; undefined if all checks pass
 */
export function paymentFlaw(host: HostState, { prices, token }: Payment): string | undefined {
  const pricesVerdict = host.prices.check(prices);
  if (pricesVerdict !== "valid") return `prices are invalid: ${pricesVerdict}`;
  const tokenVerdict = checkAccountToken(token, host.identity.hostKey, host.clock.now());
  return tokenVerdict === "valid" ? undefined : `token is invalid: ${tokenVerdict}`;
}

/** Debits the account, or refuses the request. If the request fails after the debit, the amount is not paid back. */
export function charge(host: HostState, { token }: Payment, hastings: bigint): void {
  const broke = host.switches.current.outOfFunds;
  if (broke || host.accounts.debit(token.account, hastings) === "not-enough-funds")
    throw new Refused(NOT_ENOUGH_FUNDS);
  host.tally.hastingsCharged += hastings;
}
