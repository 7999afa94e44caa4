import { Encoder } from "./encoding.ts";
import { encodeHostPrices, HOST_PRICES_BYTES, type HostPrices, readHostPrices } from "./host-prices.ts";
import { type ByteSource, MessageReader } from "./message-reader.ts";

/** What a host reports about itself. Storage is in sectors. */
export interface HostSettings {
  readonly protocolVersion: readonly [major: number, minor: number, patch: number];
  readonly release: string;
  readonly walletAddress: Uint8Array;
  readonly acceptingContracts: boolean;
  readonly maxCollateral: bigint;
  readonly maxContractDurationBlocks: bigint;
  readonly remainingStorageSectors: bigint;
  readonly totalStorageSectors: bigint;
  readonly prices: HostPrices;
}

/** Bytes of the protocol version, and of the length of `release`. */
const HEAD_BYTES = 3 + 8;
const TAIL_BYTES = 32 + 1 + 16 + 8 + 8 + 8 + HOST_PRICES_BYTES;
/** The reference implementation's limit for the whole response. */
const MAX_HOST_SETTINGS_BYTES = 10 * 1024;

export function encodeHostSettings(settings: HostSettings): Uint8Array {
  const release = Buffer.from(settings.release, "utf8");
  const encoder = new Encoder(HEAD_BYTES + release.length + TAIL_BYTES);
  for (const part of settings.protocolVersion) encoder.u8(part);
  return encoder
    .prefixed(release)
    .fixed(settings.walletAddress, 32)
    .bool(settings.acceptingContracts)
    .currency(settings.maxCollateral)
    .u64(settings.maxContractDurationBlocks)
    .u64(settings.remainingStorageSectors)
    .u64(settings.totalStorageSectors)
    .fixed(encodeHostPrices(settings.prices), HOST_PRICES_BYTES)
    .finish();
}

export async function readHostSettings(source: ByteSource): Promise<HostSettings> {
  const reader = new MessageReader("host settings", source, MAX_HOST_SETTINGS_BYTES);
  const head = await reader.next(HEAD_BYTES);
  const protocolVersion = [head.u8(), head.u8(), head.u8()] as const;
  const releaseBytes = head.count("release", MAX_HOST_SETTINGS_BYTES - HEAD_BYTES - TAIL_BYTES);
  const tail = await reader.next(releaseBytes + TAIL_BYTES);
  return {
    protocolVersion,
    release: tail.text(releaseBytes),
    walletAddress: tail.fixed(32),
    acceptingContracts: tail.bool(),
    maxCollateral: tail.currency(),
    maxContractDurationBlocks: tail.u64(),
    remainingStorageSectors: tail.u64(),
    totalStorageSectors: tail.u64(),
    prices: readHostPrices(tail),
  };
}
