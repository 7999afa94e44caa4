/**
 * Repairs at once where SLABMEND_REPAIR_CONCURRENCY is not set. Each may hold a database connection for the moment in which it
 * begins or commits, and so many fit a server with PostgreSQL's own default, max_connections = 100: 55 for the fleet, 20 for
 * indexd, 3 reserved, and 22 for what else connects (backups, monitoring, the services of a hosted database). The most that would
 * fit is 72.
 */
export const DEFAULT_REPAIR_CONCURRENCY = 50;
/** The most that a queue's mapping takes. */
export const MAX_REPAIR_CONCURRENCY = 1_000;
