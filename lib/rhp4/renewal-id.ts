import { type ContractId, hexOf, idBytes } from "../slab/ids.ts";
import { hash256 } from "./signing.ts";

/** Source: `FileContractID.V2RenewalID` of go.sia.tech/core/types. */
const DISTINGUISHER = new TextEncoder().encode("sia/id/v2filecontractrenewal|");

/**
 * The id of the contract that replaces a given contract by renewal or refresh. A contract can be replaced only once.
 */
export function renewalIdOf(contractId: ContractId): ContractId {
  const id = idBytes(contractId);
  const input = new Uint8Array(DISTINGUISHER.length + id.length);
  input.set(DISTINGUISHER);
  input.set(id, DISTINGUISHER.length);
  return hexOf(hash256(input)) as ContractId;
}
