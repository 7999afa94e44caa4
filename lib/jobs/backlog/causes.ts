/**
 * Why a sector has to move, as counted in the backlog. Each cause has its own walk (lib/database/backlog/walk-page.sql), so a
 * new cause is added in both files, and the walks of the others are not repeated.
 */
export const CAUSES = ["lost", "denied", "bad-contract", "bad-host", "draining"] as const;

export type Cause = (typeof CAUSES)[number];

export function isCause(text: string): text is Cause {
  return (CAUSES as readonly string[]).includes(text);
}
