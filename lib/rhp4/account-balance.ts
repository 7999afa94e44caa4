import { ACCOUNT_BYTES } from "./account-token.ts";
import { callRpc } from "./call.ts";
import { decodeWhole, Encoder } from "./encoding.ts";
import { encodeSuccess, readFixedResponse } from "./framing.ts";
import type { ByteSource } from "./message-reader.ts";
import type { RpcStream } from "./rpc-stream.ts";

export const ACCOUNT_BALANCE_REQUEST_BYTES = ACCOUNT_BYTES;
const CURRENCY_BYTES = 16;

export function encodeAccountBalanceRequest(account: Uint8Array): Uint8Array {
  return new Encoder(ACCOUNT_BALANCE_REQUEST_BYTES).fixed(account, ACCOUNT_BYTES).finish();
}

export function decodeAccountBalanceRequest(bytes: Uint8Array): Uint8Array {
  return decodeWhole("AccountBalance request", bytes, (from) => from.fixed(ACCOUNT_BYTES));
}

export function encodeAccountBalanceResponse(balanceHastings: bigint): Uint8Array {
  return encodeSuccess(new Encoder(CURRENCY_BYTES).currency(balanceHastings).finish());
}

export async function readAccountBalanceResponse(source: ByteSource): Promise<bigint> {
  const bytes = await readFixedResponse(source, CURRENCY_BYTES);
  return decodeWhole("AccountBalance response", bytes, (from) => from.currency());
}

/**
 * The account's balance on this host, in hastings. The call is free of charge; an account unknown to the host has 0.
 */
export function accountBalance(stream: RpcStream, account: Uint8Array): Promise<bigint> {
  return callRpc(stream, "AccountBalance", encodeAccountBalanceRequest(account), readAccountBalanceResponse);
}
