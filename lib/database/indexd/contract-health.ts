import type { ContractRow, SettingsRow } from "./raw-rows.ts";

const PENDING = 0;
const ACTIVE = 1;

/** Can still be revised: on the chain or on its way there, not renewed, and its proof window has not begun. */
export function isActiveContract(contract: ContractRow, settings: SettingsRow): boolean {
  return (
    (contract.state === PENDING || contract.state === ACTIVE) &&
    !contract.renewed &&
    contract.proofHeight > settings.scannedHeight
  );
}

/** Sectors pinned to it may stay. slabmend.contract_states() makes the same decision in SQL. */
export function isHealthyContract(contract: ContractRow, settings: SettingsRow): boolean {
  return contract.good && isActiveContract(contract, settings);
}
