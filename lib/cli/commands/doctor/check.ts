/** One line of `doctor`. A warning leaves the fleet working; with a failure something of it does not. */
export interface Check {
  /** Stable, for programs: what was looked at, or what was found. */
  readonly code: string;
  readonly level: "ok" | "warning" | "failure" | "skipped";
  readonly says: string;
  /** What to do; with a warning or a failure always. */
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
