/** Meanings that select a colour; every use also has a glyph, a pattern or a word. */
export type Tone = "good" | "wait" | "warn" | "danger" | "quiet";

/** Names of the icons in parts/icon.tsx. */
export type IconName =
  | "check"
  | "clock"
  | "pause"
  | "alert"
  | "question"
  | "unplugged"
  | "cross"
  | "full"
  | "blocked"
  | "eye"
  | "overview"
  | "slabs"
  | "hosts"
  | "workers"
  | "journal"
  | "bell"
  | "wrench"
  | "sun"
  | "moon"
  | "contrast"
  | "play"
  | "empty"
  | "spark";
