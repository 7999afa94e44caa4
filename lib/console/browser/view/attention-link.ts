import type { Tone } from "./tone.ts";

/** The view where an operator sees more of what wants attention; by the stable codes of the status report. */
const LINKS: Readonly<Record<string, readonly [string, string]>> = {
  "breaker-open": ["#/journal", "See the repairs"],
  "slabs-at-risk": ["#/slabs?atRisk=true", "See the slabs"],
  "claim-stopped": ["#/workers", "See the processes"],
  "reap-stopped": ["#/workers", "See the processes"],
  "slabs-quarantined": ["#/attention", "See the slabs"],
  "dead-letters": ["#/attention", "See the letters"],
};

/** Of these, data may be lost while they last; all others can wait until somebody has time. */
const URGENT: ReadonlySet<string> = new Set(["slabs-at-risk", "claim-stopped"]);

export const toneOfAttention = (code: string): Tone => (URGENT.has(code) ? "danger" : "warn");

export const linkOfAttention = (code: string): readonly [string, string] | undefined => LINKS[code];

/** Sentences of the server begin in small letters, because a command puts a name before them. */
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
