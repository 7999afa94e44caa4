import { type Decoder, decodeWhole, Encoder } from "../../lib/rhp4/encoding.ts";
import { SIGNATURE_BYTES } from "../../lib/rhp4/signing.ts";

/** A contract's revision as the host holds it; money in hastings. */
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
