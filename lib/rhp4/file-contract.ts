import { type Decoder, decodeWhole, Encoder } from "./encoding.ts";
import { hash256, SIGNATURE_BYTES, verifyHash } from "./signing.ts";

/** The latest revision of a contract, as its host has it; amounts are in hastings. */
export interface FileContract {
  readonly capacityBytes: bigint;
  readonly filesizeBytes: bigint;
  readonly fileMerkleRoot: Uint8Array;
  readonly proofHeight: bigint;
  readonly expirationHeight: bigint;
  readonly renterOutput: ContractOutput;
  readonly hostOutput: ContractOutput;
  readonly missedHostValue: bigint;
  readonly totalCollateral: bigint;
  readonly renterPublicKey: Uint8Array;
  readonly hostPublicKey: Uint8Array;
  readonly revisionNumber: bigint;
  readonly renterSignature: Uint8Array;
  readonly hostSignature: Uint8Array;
}

interface ContractOutput {
  readonly value: bigint;
  readonly address: Uint8Array;
}

/** docs/protocol.md#rhp4-verifysector-accountbalance-latestrevision-sectorroots. */
export const FILE_CONTRACT_BYTES = 392;

export function encodeFileContract(contract: FileContract): Uint8Array {
  return new Encoder(FILE_CONTRACT_BYTES)
    .u64(contract.capacityBytes)
    .u64(contract.filesizeBytes)
    .fixed(contract.fileMerkleRoot, 32)
    .u64(contract.proofHeight)
    .u64(contract.expirationHeight)
    .currency(contract.renterOutput.value)
    .fixed(contract.renterOutput.address, 32)
    .currency(contract.hostOutput.value)
    .fixed(contract.hostOutput.address, 32)
    .currency(contract.missedHostValue)
    .currency(contract.totalCollateral)
    .fixed(contract.renterPublicKey, 32)
    .fixed(contract.hostPublicKey, 32)
    .u64(contract.revisionNumber)
    .fixed(contract.renterSignature, SIGNATURE_BYTES)
    .fixed(contract.hostSignature, SIGNATURE_BYTES)
    .finish();
}

export function readFileContract(from: Decoder): FileContract {
  return {
    capacityBytes: from.u64(),
    filesizeBytes: from.u64(),
    fileMerkleRoot: from.fixed(32),
    proofHeight: from.u64(),
    expirationHeight: from.u64(),
    renterOutput: { value: from.currency(), address: from.fixed(32) },
    hostOutput: { value: from.currency(), address: from.fixed(32) },
    missedHostValue: from.currency(),
    totalCollateral: from.currency(),
    renterPublicKey: from.fixed(32),
    hostPublicKey: from.fixed(32),
    revisionNumber: from.u64(),
    renterSignature: from.fixed(SIGNATURE_BYTES),
    hostSignature: from.fixed(SIGNATURE_BYTES),
  };
}

export function decodeFileContract(bytes: Uint8Array): FileContract {
  return decodeWhole("contract", bytes, readFileContract);
}

/** Source: `State.ContractSigHash` of go.sia.tech/core/consensus, with the replay prefix of version 2. */
const SIGNED_PREFIX = Uint8Array.of(...new TextEncoder().encode("sia/sig/filecontract|"), 2);

/** The hash that renter and host sign: the contract without their signatures. */
export function contractSigHash(contract: FileContract): Uint8Array {
  const none = new Uint8Array(SIGNATURE_BYTES);
  const bytes = encodeFileContract({ ...contract, renterSignature: none, hostSignature: none });
  return hash256(Uint8Array.of(...SIGNED_PREFIX, ...bytes));
}

/** Whether the renter with this key has signed the revision. */
export function isSignedByRenter(contract: FileContract, renterPublicKey: Uint8Array): boolean {
  if (!Buffer.from(contract.renterPublicKey).equals(renterPublicKey)) return false;
  return verifyHash(contractSigHash(contract), renterPublicKey, contract.renterSignature);
}
