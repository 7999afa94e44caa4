/** Variables that name the deployed functions: what `sst deploy` prints. */
export const FUNCTION_VARIABLES = {
  claim: "SLABMEND_CLAIM_FUNCTION",
  repair: "SLABMEND_REPAIR_FUNCTION",
  reap: "SLABMEND_REAP_FUNCTION",
} as const;
