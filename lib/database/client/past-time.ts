/**
 * Clamps a stored time of something that has happened: after the server's clock was set back, a time ahead of `nowMs` counts as now.
 * Both are the database's, in milliseconds since the epoch.
 */
export function pastTime(ms: number, nowMs: number): number {
  return Math.min(ms, nowMs);
}
