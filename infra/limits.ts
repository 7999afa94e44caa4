/** The fleet's numbers that belong together; each says why. */

/** A repair of a 10-of-30 slab takes seconds; slow hosts and twenty rebuilt shards take minutes. */
export const REPAIR_TIMEOUT_SECONDS = 300;

/** AWS asks for at least six times the function's timeout, or a message is seen again while it is worked on. */
export const VISIBILITY_TIMEOUT_SECONDS = 6 * REPAIR_TIMEOUT_SECONDS;

/** A schedule's run ends before the next one starts. claim tops up the live leases until then. */
export const SCHEDULED_TIMEOUT_SECONDS = 55;

/** One whole vCPU, the least that lets hashing keep up with the network; a repair itself needs at most 256 MiB (npm run bench). */
export const REPAIR_MEMORY_MB = 1_769;

/** claim and reap take 70 MiB once loaded, and wait for the database. Half a GB is about a third of a vCPU to start with. */
export const SCHEDULED_MEMORY_MB = 512;

/** A message that failed so often never began: it is malformed, or the database was away for long. */
export const MOST_RECEIVES = 5;

/** SQS's most. reap drains the dead letters every minute; what stays means that reap does not run. */
export const DEAD_LETTER_RETENTION_SECONDS = 14 * 86_400;

/**
 * SQS's default. A lease whose message was lost with it was reaped long before: a lease that never began lasts an hour.
 */
export const MESSAGE_RETENTION_SECONDS = 4 * 86_400;

/** A claim of due checks lasts so long; a message that comes later has nothing to do. SQS's visibility timeout of it is as long. */
export const CHECK_RETENTION_SECONDS = 1_800;

/** AWS's least. Two invocations with ten batches each make 200 checks a second and more, beside all repairs. */
export const CHECK_CONCURRENCY = 2;

/** Batches of one invocation, made at once: a host that does not answer takes 20 s. SQS's most. */
export const CHECK_BATCHES = 10;

/** SQS's most: an empty receive costs as much as a full one. */
export const LONG_POLL_SECONDS = 20;

/** Long enough to look into what an alarm of last week was about. The journal in the database stays. */
export const LOG_RETENTION_DAYS = 30;
