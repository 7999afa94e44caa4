/**
 * Clamps the stored time of a past event: if the server's clock was set back, a time later than `nowMs` counts as now.
 * Both times are the database's, in milliseconds since the epoch.
 */
export function pastTime(ms: number, nowMs: number): number {
  return Math.min(ms, nowMs);
}
