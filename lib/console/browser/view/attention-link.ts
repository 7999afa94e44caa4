/** The view where an operator sees more of what wants attention; by the stable codes of the status report. */
const LINKS: Readonly<Record<string, readonly [string, string]>> = {
  "breaker-open": ["#/journal?outcome=fault", "See the faults"],
  "slabs-at-risk": ["#/slabs?atRisk=true", "See the slabs"],
  "claim-stopped": ["#/workers", "See the processes"],
  "reap-stopped": ["#/workers", "See the processes"],
  "slabs-quarantined": ["#/attention", "See the slabs"],
  "dead-letters": ["#/attention", "See the letters"],
};

export const linkOfAttention = (code: string): readonly [string, string] | undefined => LINKS[code];

/** Sentences of the server begin in small letters, because a command puts a name before them. */
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
