import type { KeyObject } from "node:crypto";
import {
  decodeVerifySectorRequest,
  encodeVerifySectorResponse,
  VERIFY_SECTOR_REQUEST_BYTES,
} from "../../dev/rhp4/verify-sector.ts";
import {
  ACCOUNT_BALANCE_REQUEST_BYTES,
  decodeAccountBalanceRequest,
  encodeAccountBalanceResponse,
} from "../../lib/rhp4/account-balance.ts";
import { checkAccountToken } from "../../lib/rhp4/account-token.ts";
import { readSectorCost, verifySectorCost, writeSectorCost } from "../../lib/rhp4/costs.ts";
import { decodeSpecifier, encodeWireError, SPECIFIER_BYTES } from "../../lib/rhp4/framing.ts";
import {
  hostPricesExpired,
  hostPricesSignedBy,
  signHostPrices,
  type UnsignedPrices,
} from "../../lib/rhp4/host-prices.ts";
import {
  decodeLatestRevisionRequest,
  encodeLatestRevisionResponse,
  LATEST_REVISION_REQUEST_BYTES,
} from "../../lib/rhp4/latest-revision.ts";
import type { Payment } from "../../lib/rhp4/payment.ts";
import {
  decodeReadSectorRequest,
  encodeReadSectorResponseHead,
  READ_SECTOR_REQUEST_BYTES,
} from "../../lib/rhp4/read-sector.ts";
import type { WireError } from "../../lib/rhp4/rpc-error.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import { rangeProofHashes } from "../../lib/rhp4/sector-range.ts";
import { encodeSettingsResponse } from "../../lib/rhp4/settings.ts";
import { hash256, publicKeyBytes } from "../../lib/rhp4/signing.ts";
import {
  decodeWriteSectorRequest,
  encodeWriteSectorResponse,
  WRITE_SECTOR_REQUEST_BYTES,
} from "../../lib/rhp4/write-sector.ts";
import { type HostKey, hexOf, parseHostKey, type Root } from "../../lib/slab/ids.ts";
import { contract, filled, hostSettings, unsignedPrices } from "./samples.ts";

/** A test's replacement for the normal answer; undefined: answer normally. */
export type Misbehave = (rpc: string, stream: RpcStream) => Promise<Answered> | Answered;
export type Answered = "done" | undefined;

/**
 * A minimal host for testing the calls: sectors in a map, roots that are plain hashes of the data, proofs of zeros.
 * Verifying roots and proofs is tested elsewhere.
 */
export interface TestHost {
  readonly identity: KeyObject;
  readonly hostKey: HostKey;
  readonly sectors: Map<Root, Uint8Array>;
  balance: bigint;
  prices: UnsignedPrices;
  misbehave: Misbehave;
  /** Names of the calls that came in, in order. */
  readonly calls: string[];
  nowMs: () => number;
  /** Stores a sector, and returns the root that a write of the same data would return. */
  store(data: Uint8Array): Root;
  /** Serves one stream until the call has ended; never rejects. */
  serve(stream: RpcStream): Promise<void>;
}

class Refusal extends Error {
  readonly wire: WireError;
  constructor(code: number, description: string) {
    super(description);
    this.wire = { code, description };
  }
}

export function createTestHost(identity: KeyObject, nowMs: () => number): TestHost {
  const hostKey = parseHostKey(hexOf(publicKeyBytes(identity)));
  const sectors = new Map<Root, Uint8Array>();

  const host: TestHost = {
    identity,
    hostKey,
    sectors,
    balance: 10n ** 24n,
    prices: { ...unsignedPrices, validUntilSeconds: BigInt(Math.floor(nowMs() / 1000)) + 1800n },
    misbehave: () => undefined,
    calls: [],
    nowMs,
    store(data) {
      const root = hexOf(hash256(data)) as Root;
      sectors.set(root, data);
      return root;
    },
    async serve(stream) {
      try {
        const rpc = decodeSpecifier(await stream.readExactly(SPECIFIER_BYTES));
        host.calls.push(rpc);
        if ((await host.misbehave(rpc, stream)) === "done") return;
        await answer(rpc, stream);
      } catch (error) {
        if (error instanceof Refusal) await stream.write(encodeWireError(error.wire)).catch(() => {});
      } finally {
        stream.close();
      }
    },
  };

  const checkPayment = ({ prices, token }: Payment) => {
    const reason = !hostPricesSignedBy(prices, hostKey)
      ? "invalid signature"
      : hostPricesExpired(prices, host.nowMs())
        ? "prices expired"
        : undefined;
    if (reason) throw new Refusal(3, `request invalid: prices are invalid: ${reason} (3)`);
    const verdict = checkAccountToken(token, hostKey, host.nowMs());
    if (verdict !== "valid") throw new Refusal(3, `request invalid: token is invalid: ${verdict} (3)`);
  };
  const debit = (cost: bigint) => {
    if (cost > host.balance) throw new Refusal(5, "not enough funds");
    host.balance -= cost;
  };
  const find = (root: Root): Uint8Array => {
    const data = sectors.get(root);
    if (!data) throw new Refusal(2, "sector not found");
    return data;
  };

  const answer = async (rpc: string, stream: RpcStream): Promise<void> => {
    switch (rpc) {
      case "Settings":
        return stream.write(
          encodeSettingsResponse({ ...hostSettings, prices: signHostPrices(host.prices, identity) }),
        );
      case "AccountBalance":
        decodeAccountBalanceRequest(await stream.readExactly(ACCOUNT_BALANCE_REQUEST_BYTES));
        return stream.write(encodeAccountBalanceResponse(host.balance));
      case "LatestRevision":
        decodeLatestRevisionRequest(await stream.readExactly(LATEST_REVISION_REQUEST_BYTES));
        return stream.write(encodeLatestRevisionResponse({ contract, revisable: true, renewed: false }));
      case "ReadSector": {
        const request = decodeReadSectorRequest(await stream.readExactly(READ_SECTOR_REQUEST_BYTES));
        checkPayment(request);
        const data = find(request.root);
        debit(readSectorCost(request.prices, request.length));
        const [start, end] = [request.offset / 64, (request.offset + request.length) / 64];
        const proof = Array.from({ length: rangeProofHashes(start, end) }, (_, i) => filled(32, i));
        await stream.write(encodeReadSectorResponseHead(proof, request.length));
        return stream.write(data.subarray(request.offset, request.offset + request.length));
      }
      case "VerifySector": {
        const request = decodeVerifySectorRequest(await stream.readExactly(VERIFY_SECTOR_REQUEST_BYTES));
        checkPayment(request);
        const at = Number(request.leafIndex) * 64;
        const leaf = find(request.root).slice(at, at + 64);
        debit(verifySectorCost(request.prices));
        return stream.write(
          encodeVerifySectorResponse({ proof: Array.from({ length: 16 }, () => filled(32, 1)), leaf }),
        );
      }
      case "WriteSector": {
        const request = decodeWriteSectorRequest(await stream.readExactly(WRITE_SECTOR_REQUEST_BYTES));
        checkPayment(request);
        const data = await stream.readExactly(Number(request.dataLength));
        debit(writeSectorCost(request.prices, data.length));
        return stream.write(encodeWriteSectorResponse(host.store(data)));
      }
      default:
        throw new Refusal(3, "unrecognized RPC");
    }
  };
  return host;
}
