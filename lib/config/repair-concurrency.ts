/** Bounds of SLABMEND_REPAIR_CONCURRENCY, for who deploys a stage and for who looks at one. */

/** Of a stage that sets nothing. */
export const DEFAULT_REPAIR_CONCURRENCY = 100;
/** The most that a queue's mapping takes. */
export const MAX_REPAIR_CONCURRENCY = 1_000;
