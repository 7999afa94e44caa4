import type { Tone } from "./tone.ts";

/**
 * Explains a repair's outcome; docs/architecture.md has the table. Unknown outcomes of a newer server have a neutral
 * tone.
 */
const OUTCOMES: Readonly<Record<string, readonly [Tone, string]>> = {
  repaired: ["good", "All its bad sectors were moved."],
  healthy: ["good", "Nothing had to be done."],
  "partial-deadline": ["wait", "Time ran out. What was moved is kept."],
  "partial-dropped": [
    "wait",
    "Not all moves were recorded, or a host turned out not to have a sector. What was recorded is kept.",
  ],
  "partial-refused": ["warn", "Hosts refused some sectors. What was moved is kept."],
  stale: ["quiet", "Another worker had taken over. Nothing was written."],
  superseded: ["quiet", "Another worker had taken over. Nothing was written."],
  "no-candidates": ["warn", "No host could take the sectors."],
  "too-few-sources": ["danger", "Too few shards could be read."],
  underfunded: ["warn", "Our accounts at hosts lacked funds."],
  interrupted: ["wait", "Stopped before anything was stored."],
  fault: ["danger", "The cause was on our side. The failure does not count against the slab."],
  crashed: ["danger", "The worker ended without an answer."],
};

export const toneOfOutcome = (outcome: string): Tone => OUTCOMES[outcome]?.[0] ?? "quiet";

export const meaningOfOutcome = (outcome: string): string => OUTCOMES[outcome]?.[1] ?? "";

export const OUTCOME_NAMES: readonly string[] = Object.keys(OUTCOMES);
