import { connect } from "node:net";
import { type AccountSigner, createAccountToken } from "../../lib/rhp4/account-token.ts";
import { encodeCall, expectSuccess, type RpcName } from "../../lib/rhp4/framing.ts";
import type { HostPrices } from "../../lib/rhp4/host-prices.ts";
import type { Payment } from "../../lib/rhp4/payment.ts";
import { RpcError, type WireError } from "../../lib/rhp4/rpc-error.ts";
import { settings } from "../../lib/rhp4/settings.ts";
import { dialMux } from "../../lib/siamux/establish-mux.ts";
import type { Mux } from "../../lib/siamux/mux.ts";
import type { WireHost } from "./wire-hosts.ts";

const TOKEN_VALIDITY_MS = 5 * 60_000;

/** `host:port`, with an IPv6 host in brackets. */
export function splitAddress(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(":");
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(address.slice(at + 1)) };
}

/** A connection for one test; `await using` closes it at the end. */
export class WireClient implements AsyncDisposable {
  readonly mux: Mux;
  readonly host: WireHost;
  readonly #account: AccountSigner;

  constructor(mux: Mux, host: WireHost, account: AccountSigner) {
    this.mux = mux;
    this.host = host;
    this.#account = account;
  }

  static async dial(host: WireHost, account: AccountSigner, address = host.address): Promise<WireClient> {
    const { host: name, port } = splitAddress(address);
    return new WireClient(await dialMux(connect(port, name), host.hostKey), host, account);
  }

  /** New prices of the host and a new token of the account. */
  async payment(account: AccountSigner = this.#account): Promise<Payment> {
    const { prices } = await settings(this.mux.openStream());
    return this.paymentAt(prices, account);
  }

  paymentAt(prices: HostPrices, account: AccountSigner = this.#account): Payment {
    return { prices, token: createAccountToken(account, this.host.hostKey, Date.now() + TOKEN_VALIDITY_MS) };
  }

  /** The host's raw answer to a request that our own calls would not send. */
  async refusalOf(name: RpcName, request: Uint8Array, data?: Uint8Array): Promise<WireError> {
    return this.refusalOfBytes(encodeCall(name, request), data);
  }

  async refusalOfBytes(call: Uint8Array, data?: Uint8Array): Promise<WireError> {
    const stream = this.mux.openStream();
    // If a host refuses before it has read everything, our writes fail, but the host's reason can still be read.
    const ignoreClosed = (error: unknown) => {
      if (!stream.peerClosed) throw error;
    };
    await stream.write(call).catch(ignoreClosed);
    if (data !== undefined) await stream.write(data).catch(ignoreClosed);
    try {
      await expectSuccess(stream);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      // After a refusal the host sends nothing more, and ends the stream.
      await stream.whenPeerCloses;
      return error.wire;
    } finally {
      stream.close();
    }
    throw new Error("the host did not refuse");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.mux.destroy(new Error("the test is over"));
    await this.mux.closed;
  }
}
