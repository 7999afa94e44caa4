/** The fleet's related limits, each with its reason. */

/** A repair of a 10-of-30 slab takes seconds, but minutes if hosts are slow and twenty shards have to be rebuilt. */
export const REPAIR_TIMEOUT_SECONDS = 300;

/**
 * AWS recommends at least six times the function's timeout; otherwise a message may be delivered again while it is
 * processed.
 */
export const VISIBILITY_TIMEOUT_SECONDS = 6 * REPAIR_TIMEOUT_SECONDS;

/**
 * Less than the schedule's minute, so that a run ends before the next one starts. claim adds leases until its time is
 * up.
 */
export const SCHEDULED_TIMEOUT_SECONDS = 55;

/**
 * With this memory Lambda gives one whole vCPU, the least with which hashing keeps up with the network; a repair itself
 * needs at most 256 MiB (npm run bench).
 */
export const REPAIR_MEMORY_MB = 1_769;

/**
 * claim and reap use 70 MiB once loaded, and mostly wait for the database. With half a GB Lambda gives about a third of
 * a vCPU, so that they start quickly.
 */
export const SCHEDULED_MEMORY_MB = 512;

/**
 * If a message's repair failed to begin this many times, the message becomes a dead letter: it is malformed, or the
 * database was unreachable for long.
 */
export const MOST_RECEIVES = 5;

/** SQS's maximum. reap takes the dead letters every minute, so they stay in the queue only while reap does not run. */
export const DEAD_LETTER_RETENTION_SECONDS = 14 * 86_400;

/**
 * SQS's default, much longer than the hour that a lease lasts if its repair does not begin: when a message expires,
 * reap has ended its lease long before.
 */
export const MESSAGE_RETENTION_SECONDS = 4 * 86_400;

/**
 * How long the queue keeps a message of due checks: as long as the claim of the checks lasts, because later the message
 * is useless. The queue's visibility timeout has the same length.
 */
export const CHECK_RETENTION_SECONDS = 1_800;

/**
 * AWS's minimum. Two invocations with ten batches each make at least 200 checks a second, in addition to all repairs.
 */
export const CHECK_CONCURRENCY = 2;

/**
 * Batches that one invocation checks at the same time: several, because a silent host takes 20 s. This is SQS's
 * maximum.
 */
export const CHECK_BATCHES = 10;

/** SQS's maximum: an empty receive costs as much as a full one, and longer waits mean fewer empty receives. */
export const LONG_POLL_SECONDS = 20;

/** Long enough to investigate an alarm of last week. The history of repairs stays longer, in the database's journal. */
export const LOG_RETENTION_DAYS = 30;
