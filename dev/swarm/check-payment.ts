import { checkAccountToken } from "../../lib/rhp4/account-token.ts";
import type { Payment } from "../../lib/rhp4/payment.ts";
import type { HostState } from "./host-state.ts";
import { NOT_ENOUGH_FUNDS, Refused } from "./refusals.ts";

/** What every paid request is checked for first, in the host's order. Undefined: nothing is wrong. */
export function paymentFlaw(host: HostState, { prices, token }: Payment): string | undefined {
  const pricesVerdict = host.prices.check(prices);
  if (pricesVerdict !== "valid") return `prices are invalid: ${pricesVerdict}`;
  const tokenVerdict = checkAccountToken(token, host.identity.hostKey, host.clock.now());
  return tokenVerdict === "valid" ? undefined : `token is invalid: ${tokenVerdict}`;
}

/** Takes the money, or refuses. What goes wrong afterwards is paid for all the same. */
export function charge(host: HostState, { token }: Payment, hastings: bigint): void {
  const broke = host.switches.current.outOfFunds;
  if (broke || host.accounts.debit(token.account, hastings) === "not-enough-funds")
    throw new Refused(NOT_ENOUGH_FUNDS);
  host.tally.hastingsCharged += hastings;
}
