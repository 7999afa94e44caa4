import type { KeyObject } from "node:crypto";
import { type HostKey, idBytes } from "../slab/ids.ts";
import { type Decoder, decodeWhole, Encoder, wireTimeToMs } from "./encoding.ts";
import { PriceTableError } from "./errors.ts";
import { hash256, SIGNATURE_BYTES, signHash, verifyHash } from "./signing.ts";

/** A host's prices in hastings with their expiry, signed by the host. They are valid for every client. */
export interface HostPrices {
  readonly contractPrice: bigint;
  /** Per byte per block. */
  readonly collateral: bigint;
  /** Per byte per block. */
  readonly storagePrice: bigint;
  /** Per byte. */
  readonly ingressPrice: bigint;
  /** Per byte. */
  readonly egressPrice: bigint;
  /** Per sector. */
  readonly freeSectorPrice: bigint;
  readonly tipHeight: bigint;
  /** Unix seconds; a host may write any u64. */
  readonly validUntilSeconds: bigint;
  readonly signature: Uint8Array;
}

/** Maximum prices. A price without a maximum may have any value. */
export type PriceLimit = Partial<Pick<HostPrices, "egressPrice" | "ingressPrice" | "storagePrice">>;

export type UnsignedPrices = Omit<HostPrices, "signature">;

/** docs/protocol.md#rhp4-common-structures: 112 signed bytes, then the signature. */
const SIGNED_BYTES = 112;
export const HOST_PRICES_BYTES = SIGNED_BYTES + SIGNATURE_BYTES;

function signedPart(prices: UnsignedPrices): Uint8Array {
  return new Encoder(SIGNED_BYTES)
    .currency(prices.contractPrice)
    .currency(prices.collateral)
    .currency(prices.storagePrice)
    .currency(prices.ingressPrice)
    .currency(prices.egressPrice)
    .currency(prices.freeSectorPrice)
    .u64(prices.tipHeight)
    .u64(prices.validUntilSeconds)
    .finish();
}

export function encodeHostPrices(prices: HostPrices): Uint8Array {
  return new Encoder(HOST_PRICES_BYTES)
    .fixed(signedPart(prices), SIGNED_BYTES)
    .fixed(prices.signature, SIGNATURE_BYTES)
    .finish();
}

/** Reads the 176 bytes at the decoder's position, as part of a larger message. */
export function readHostPrices(from: Decoder): HostPrices {
  return {
    contractPrice: from.currency(),
    collateral: from.currency(),
    storagePrice: from.currency(),
    ingressPrice: from.currency(),
    egressPrice: from.currency(),
    freeSectorPrice: from.currency(),
    tipHeight: from.u64(),
    validUntilSeconds: from.u64(),
    signature: from.fixed(SIGNATURE_BYTES),
  };
}

export function decodeHostPrices(bytes: Uint8Array): HostPrices {
  return decodeWhole("host prices", bytes, readHostPrices);
}

export function hostPricesSighash(prices: UnsignedPrices): Uint8Array {
  return hash256(signedPart(prices));
}

/** Host side. */
export function signHostPrices(prices: UnsignedPrices, identity: KeyObject): HostPrices {
  return { ...prices, signature: signHash(hostPricesSighash(prices), identity) };
}

export function hostPricesExpired(prices: UnsignedPrices, nowMs: number): boolean {
  return wireTimeToMs(prices.validUntilSeconds) <= BigInt(Math.floor(nowMs));
}

export function hostPricesSignedBy(prices: HostPrices, hostKey: HostKey): boolean {
  return verifyHash(hostPricesSighash(prices), idBytes(hostKey), prices.signature);
}

/** Throws a PriceTableError if the host has not signed the prices, or if they have expired. */
export function verifyHostPrices(prices: HostPrices, hostKey: HostKey, nowMs: number): void {
  if (!hostPricesSignedBy(prices, hostKey)) {
    throw new PriceTableError(
      "bad-price-signature",
      `prices of host ${hostKey}: the signature is not this host's`,
    );
  }
  if (hostPricesExpired(prices, nowMs)) {
    throw new PriceTableError(
      "price-table-expired",
      `prices of host ${hostKey}: valid until ${prices.validUntilSeconds}, now ${Math.floor(nowMs / 1000)} (Unix seconds)`,
    );
  }
}
