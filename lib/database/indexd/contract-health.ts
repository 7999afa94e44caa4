import type { ContractRow, SettingsRow } from "./raw-rows.ts";

const PENDING = 0;
const ACTIVE = 1;

/**
 * Whether a contract can still be revised: it is on the chain or on its way there, not renewed, and before its proof
 * window.
 */
export function isActiveContract(contract: ContractRow, settings: SettingsRow): boolean {
  return (
    (contract.state === PENDING || contract.state === ACTIVE) &&
    !contract.renewed &&
    contract.proofHeight > settings.scannedHeight
  );
}

/**
 * Whether sectors pinned to a contract may stay if its host is good. slabmend.contract_states() decides the same in
 * SQL.
 */
export function isHealthyContract(contract: ContractRow, settings: SettingsRow): boolean {
  return contract.good && isActiveContract(contract, settings);
}
