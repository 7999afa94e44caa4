/** Variables that name the deployed functions: what `sst deploy` prints. */
export const FUNCTION_VARIABLES = {
  claim: "SLABMEND_CLAIM_FUNCTION",
  reap: "SLABMEND_REAP_FUNCTION",
} as const;
