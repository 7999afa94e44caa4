/**
 * Why a sector has to move, as counted in the backlog. Each cause is walked on its own. A new cause is added here and
 * in lib/database/backlog/walk-page.sql; the walks of the other causes then simply continue.
 */
export const CAUSES = ["lost", "denied", "bad-contract", "bad-host", "draining"] as const;

export type Cause = (typeof CAUSES)[number];

export function isCause(text: string): text is Cause {
  return (CAUSES as readonly string[]).includes(text);
}
