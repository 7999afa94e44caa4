import type { Tone } from "./tone.ts";

/** For problems, by their codes in the status report: the page that shows more, and the text of the link. */
const LINKS: Readonly<Record<string, readonly [string, string]>> = {
  "breaker-open": ["#/journal", "See the repairs"],
  "slabs-at-risk": ["#/slabs?atRisk=true", "See the slabs"],
  "claim-stopped": ["#/workers", "See the processes"],
  "reap-stopped": ["#/workers", "See the processes"],
  "slabs-quarantined": ["#/attention", "See the slabs"],
  "dead-letters": ["#/attention", "See the letters"],
};

/** Codes of the problems that may cost data while they last; all other problems can wait. */
const URGENT: ReadonlySet<string> = new Set(["slabs-at-risk", "claim-stopped"]);

export const toneOfAttention = (code: string): Tone => (URGENT.has(code) ? "danger" : "warn");

export const linkOfAttention = (code: string): readonly [string, string] | undefined => LINKS[code];

/** The server's sentences begin with a small letter, because a command puts a name before them. */
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
