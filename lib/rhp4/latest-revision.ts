import type { ContractId } from "../slab/ids.ts";
import { callRpc } from "./call.ts";
import { decodeWhole, Encoder } from "./encoding.ts";
import {
  encodeFileContract,
  FILE_CONTRACT_BYTES,
  type FileContract,
  readFileContract,
} from "./file-contract.ts";
import { encodeSuccess, readFixedResponse } from "./framing.ts";
import type { ByteSource } from "./message-reader.ts";
import type { RpcStream } from "./rpc-stream.ts";

export interface LatestRevision {
  readonly contract: FileContract;
  readonly revisable: boolean;
  readonly renewed: boolean;
}

export const LATEST_REVISION_REQUEST_BYTES = 32;
const RESPONSE_BYTES = FILE_CONTRACT_BYTES + 2;

export function encodeLatestRevisionRequest(contractId: ContractId): Uint8Array {
  return new Encoder(LATEST_REVISION_REQUEST_BYTES).id(contractId).finish();
}

export function decodeLatestRevisionRequest(bytes: Uint8Array): ContractId {
  return decodeWhole("LatestRevision request", bytes, (from) => from.id<ContractId>());
}

export function encodeLatestRevisionResponse(revision: LatestRevision): Uint8Array {
  const object = new Encoder(RESPONSE_BYTES)
    .fixed(encodeFileContract(revision.contract), FILE_CONTRACT_BYTES)
    .bool(revision.revisable)
    .bool(revision.renewed)
    .finish();
  return encodeSuccess(object);
}

export async function readLatestRevisionResponse(source: ByteSource): Promise<LatestRevision> {
  const bytes = await readFixedResponse(source, RESPONSE_BYTES);
  return decodeWhole("LatestRevision response", bytes, (from) => ({
    contract: readFileContract(from),
    revisable: from.bool(),
    renewed: from.bool(),
  }));
}

/** Free of charge; needs no signature. */
export function latestRevision(stream: RpcStream, contractId: ContractId): Promise<LatestRevision> {
  return callRpc(
    stream,
    "LatestRevision",
    encodeLatestRevisionRequest(contractId),
    readLatestRevisionResponse,
  );
}
