import {
  ACCOUNT_TOKEN_BYTES,
  type AccountToken,
  encodeAccountToken,
  readAccountToken,
} from "./account-token.ts";
import type { Decoder } from "./encoding.ts";
import { encodeHostPrices, HOST_PRICES_BYTES, type HostPrices, readHostPrices } from "./host-prices.ts";

/** The beginning of every paid call: the prices, and the paying account. */
export interface Payment {
  readonly prices: HostPrices;
  readonly token: AccountToken;
}

export const PAYMENT_BYTES = HOST_PRICES_BYTES + ACCOUNT_TOKEN_BYTES;

export function encodePayment(payment: Payment): Uint8Array {
  const bytes = new Uint8Array(PAYMENT_BYTES);
  bytes.set(encodeHostPrices(payment.prices), 0);
  bytes.set(encodeAccountToken(payment.token), HOST_PRICES_BYTES);
  return bytes;
}

export function readPayment(from: Decoder): Payment {
  return { prices: readHostPrices(from), token: readAccountToken(from) };
}
