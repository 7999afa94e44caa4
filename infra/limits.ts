/** The fleet's numbers that belong together; each says why. */

/** A repair of a 10-of-30 slab takes seconds; slow hosts and twenty rebuilt shards take minutes. */
export const REPAIR_TIMEOUT_SECONDS = 300;

/** AWS asks for at least six times the function's timeout, or a message is seen again while it is worked on. */
export const VISIBILITY_TIMEOUT_SECONDS = 6 * REPAIR_TIMEOUT_SECONDS;

/** claim tops up the live leases until its own deadline, one minute after its start. */
export const CLAIM_TIMEOUT_SECONDS = 55;

export const REAP_TIMEOUT_SECONDS = 55;

/** Repairs that run at once; claim keeps twice as many leases, so that no worker waits for the next minute. */
export const REPAIR_CONCURRENCY = 100;

/** A message that failed so often never began: it is malformed, or the database was away for long. */
export const MOST_RECEIVES = 5;
