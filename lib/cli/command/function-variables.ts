/** Variables that name the deployed functions; `sst deploy` prints them. */
export const FUNCTION_VARIABLES = {
  claim: "SLABMEND_CLAIM_FUNCTION",
  repair: "SLABMEND_REPAIR_FUNCTION",
  reap: "SLABMEND_REAP_FUNCTION",
} as const;
