/** One line of `doctor`. A warning leaves the fleet working; with a failure something of it does not. */
export interface Check {
  readonly name: string;
  readonly level: "ok" | "warning" | "failure" | "skipped";
  readonly says: string;
  /** What to do; with a warning or a failure always. */
  readonly remedy?: string;
}

export const ok = (name: string, says: string): Check => ({ name, level: "ok", says });
export const skipped = (name: string, says: string): Check => ({ name, level: "skipped", says });
export const warning = (name: string, says: string, remedy: string): Check => ({
  name,
  level: "warning",
  says,
  remedy,
});
export const failure = (name: string, says: string, remedy: string): Check => ({
  name,
  level: "failure",
  says,
  remedy,
});
