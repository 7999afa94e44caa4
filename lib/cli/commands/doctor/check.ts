/** One line of `doctor`. With a warning the fleet works; with a failure some part of it does not. */
export interface Check {
  /** Stable, for programs: names the check or the finding. */
  readonly code: string;
  readonly level: "ok" | "warning" | "failure" | "skipped";
  readonly says: string;
  /** What to do; always set for a warning or a failure. */
  readonly remedy?: string;
}

export const ok = (code: string, says: string): Check => ({ code, level: "ok", says });
export const skipped = (code: string, says: string): Check => ({ code, level: "skipped", says });
export const warning = (code: string, says: string, remedy: string): Check => ({
  code,
  level: "warning",
  says,
  remedy,
});
export const failure = (code: string, says: string, remedy: string): Check => ({
  code,
  level: "failure",
  says,
  remedy,
});
