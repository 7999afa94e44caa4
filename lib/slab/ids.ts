import { SlabmendError } from "../errors/slabmend-error.ts";

declare const brand: unique symbol;
type Brand<Base, Name extends string> = Base & { readonly [brand]: Name };

/** Merkle root of a stored sector, 64 lower-case hex digits. */
export type Root = Brand<string, "Root">;
/** A host's Ed25519 public key, 64 lower-case hex digits. */
export type HostKey = Brand<string, "HostKey">;
/** A slab's digest, 64 lower-case hex digits; indexd's API calls it the slab id. */
export type SlabDigest = Brand<string, "SlabDigest">;
/** A contract's id on the chain, 64 lower-case hex digits. */
export type ContractId = Brand<string, "ContractId">;
/** Fencing token of one lease, a random UUID. */
export type LeaseToken = Brand<string, "LeaseToken">;
/** `slabs.id`. */
export type SlabId = Brand<bigint, "SlabId">;
/** `sectors.id`. */
export type SectorId = Brand<bigint, "SectorId">;
/** `hosts.id`. */
export type HostId = Brand<number, "HostId">;
/** `contract_sectors_map.id`: survives a contract's renewal. */
export type ContractMapId = Brand<number, "ContractMapId">;

/** Thrown when an id from outside has the wrong form. */
export class MalformedIdError extends SlabmendError<"malformed-id"> {
  constructor(name: string, expected: string, got: string) {
    super({
      code: "malformed-id",
      message: `${name}: expected ${expected}, got ${JSON.stringify(got.slice(0, 80))}`,
      remedy: "Correct the value at its source.",
    });
  }
}

const HEX_32_BYTES = /^[0-9a-f]{64}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const POSITIVE_INTEGER = /^[1-9][0-9]{0,18}$/;
const MAX_BIGINT_COLUMN = 2n ** 63n - 1n;

function parseHex32<Id extends string>(name: string, text: string): Id {
  if (!HEX_32_BYTES.test(text)) throw new MalformedIdError(name, "64 lower-case hex digits", text);
  return text as Id;
}

export const parseRoot = (text: string): Root => parseHex32("sector root", text);
export const parseHostKey = (text: string): HostKey => parseHex32("host key", text);
export const parseSlabDigest = (text: string): SlabDigest => parseHex32("slab digest", text);
export const parseContractId = (text: string): ContractId => parseHex32("contract id", text);

export function parseLeaseToken(text: string): LeaseToken {
  if (!UUID.test(text)) throw new MalformedIdError("lease token", "a UUID", "something else");
  return text as LeaseToken;
}

export function parseSlabId(text: string): SlabId {
  if (!POSITIVE_INTEGER.test(text) || BigInt(text) > MAX_BIGINT_COLUMN) {
    throw new MalformedIdError("slab id", "a positive 64-bit integer in decimal digits", text);
  }
  return BigInt(text) as SlabId;
}

/** The 32 bytes of a hex id, a new array each time. */
export function idBytes(id: Root | HostKey | SlabDigest | ContractId): Uint8Array {
  return Uint8Array.from(Buffer.from(id, "hex"));
}

/** Lower-case hex; callers brand the result. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
