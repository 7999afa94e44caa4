import { checkAccountToken } from "../../lib/rhp4/account-token.ts";
import type { Payment } from "../../lib/rhp4/payment.ts";
import type { HostState } from "./host-state.ts";
import { NOT_ENOUGH_FUNDS, Refused } from "./refusals.ts";

/** The first checks of every paid request, in the host's order. Undefined if all pass. */
export function paymentFlaw(host: HostState, { prices, token }: Payment): string | undefined {
  const pricesVerdict = host.prices.check(prices);
  if (pricesVerdict !== "valid") return `prices are invalid: ${pricesVerdict}`;
  const tokenVerdict = checkAccountToken(token, host.identity.hostKey, host.clock.now());
  return tokenVerdict === "valid" ? undefined : `token is invalid: ${tokenVerdict}`;
}

/** Debits the account, or refuses. There is no refund for later failures. */
export function charge(host: HostState, { token }: Payment, hastings: bigint): void {
  const broke = host.switches.current.outOfFunds;
  if (broke || host.accounts.debit(token.account, hastings) === "not-enough-funds")
    throw new Refused(NOT_ENOUGH_FUNDS);
  host.tally.hastingsCharged += hastings;
}
