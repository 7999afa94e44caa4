/**
 * Number of simultaneous repairs if SLABMEND_REPAIR_CONCURRENCY is not set. Each repair may briefly hold a database
 * connection when it begins or commits. The default fits PostgreSQL's own default, max_connections = 100: 55 for the
 * fleet (50 repairs and 5 others), 20 for indexd, 3 reserved, and 22 for other clients (backups, monitoring, the
 * services of a hosted database). If there are no other clients, repairs can use those 22 too: 72 repairs fit.
 */
export const DEFAULT_REPAIR_CONCURRENCY = 50;
/** AWS's limit for the concurrency of a queue's event source mapping. */
export const MAX_REPAIR_CONCURRENCY = 1_000;
