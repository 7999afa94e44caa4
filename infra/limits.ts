/** The fleet's related limits, each with its reason. */

/** A repair of a 10-of-30 slab takes seconds; slow hosts and twenty rebuilt shards take minutes. */
export const REPAIR_TIMEOUT_SECONDS = 300;

/** AWS recommends at least six times the function's timeout; otherwise a message may be delivered again while it is processed. */
export const VISIBILITY_TIMEOUT_SECONDS = 6 * REPAIR_TIMEOUT_SECONDS;

/** A scheduled run ends before the next one starts. Until then claim keeps adding leases. */
export const SCHEDULED_TIMEOUT_SECONDS = 55;

/** One whole vCPU, the minimum for hashing to keep up with the network; a repair itself needs at most 256 MiB (npm run bench). */
export const REPAIR_MEMORY_MB = 1_769;

/** claim and reap use 70 MiB once loaded, and mostly wait for the database. Half a GB gives about a third of a vCPU for the start. */
export const SCHEDULED_MEMORY_MB = 512;

/** After this many failures to begin, a message is malformed, or the database was unreachable for a long time. */
export const MOST_RECEIVES = 5;

/** SQS's maximum. reap takes dead letters every minute; if dead letters stay, reap does not run. */
export const DEAD_LETTER_RETENTION_SECONDS = 14 * 86_400;

/**
 * SQS's default. The lease of an expired message was reaped long before: a lease whose repair never began lasts an hour.
 */
export const MESSAGE_RETENTION_SECONDS = 4 * 86_400;

/** Duration of a claim of due checks; a message that arrives later has nothing to do. The queue's visibility timeout is equal. */
export const CHECK_RETENTION_SECONDS = 1_800;

/** AWS's minimum. Two invocations with ten batches each make at least 200 checks a second, in addition to all repairs. */
export const CHECK_CONCURRENCY = 2;

/** Simultaneous batches of one invocation, because a silent host takes 20 s. SQS's maximum. */
export const CHECK_BATCHES = 10;

/** SQS's maximum: an empty receive costs as much as a full one. */
export const LONG_POLL_SECONDS = 20;

/** Long enough to investigate an alarm of last week. The journal in the database is kept. */
export const LOG_RETENTION_DAYS = 30;
