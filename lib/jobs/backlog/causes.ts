/**
 * Why a sector has to move, as the backlog counts it. Each cause has a walk of its own (lib/database/backlog/walk-page.sql), so that a
 * new one is added here and there without walking the others again.
 */
export const CAUSES = ["lost", "denied", "bad-contract", "bad-host", "draining"] as const;

export type Cause = (typeof CAUSES)[number];

export function isCause(text: string): text is Cause {
  return (CAUSES as readonly string[]).includes(text);
}
