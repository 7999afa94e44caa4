import type { KeyObject } from "node:crypto";
import { contractSigHash, type FileContract } from "../../lib/rhp4/file-contract.ts";
import { publicKeyBytes, signHash } from "../../lib/rhp4/signing.ts";
import { type HostKey, idBytes } from "../../lib/slab/ids.ts";

/** Makes a contract that is signed by indexd's wallet. It lacks the host's signature, which our code does not read. */
export function signedContract(
  renter: KeyObject,
  hostKey: HostKey,
  terms: Partial<
    Pick<FileContract, "filesizeBytes" | "capacityBytes" | "proofHeight" | "revisionNumber">
  > = {},
): FileContract {
  const proofHeight = terms.proofHeight ?? 20_000n;
  const unsigned: FileContract = {
    capacityBytes: 1n << 32n,
    filesizeBytes: 0n,
    fileMerkleRoot: new Uint8Array(32),
    proofHeight,
    expirationHeight: proofHeight + 144n,
    renterOutput: { value: 10n ** 27n, address: new Uint8Array(32) },
    hostOutput: { value: 0n, address: new Uint8Array(32) },
    missedHostValue: 10n ** 27n,
    totalCollateral: 10n ** 27n,
    renterPublicKey: publicKeyBytes(renter),
    hostPublicKey: idBytes(hostKey),
    revisionNumber: 1n,
    renterSignature: new Uint8Array(64),
    hostSignature: new Uint8Array(64),
    ...terms,
  };
  return { ...unsigned, renterSignature: signHash(contractSigHash(unsigned), renter) };
}
