/** What `plan` says of one thing that it looked at. */

export interface MoveFinding {
  /** Stable. */
  readonly code: string;
  readonly level: "ok" | "warning" | "failure";
  readonly says: string;
  /** With a warning or a failure always. */
  readonly remedy?: string;
}

export const ok = (code: string, says: string): MoveFinding => ({ code, level: "ok", says });
export const warning = (code: string, says: string, remedy: string): MoveFinding => ({
  code,
  level: "warning",
  says,
  remedy,
});
export const failure = (code: string, says: string, remedy: string): MoveFinding => ({
  code,
  level: "failure",
  says,
  remedy,
});

const NAMED = 5;

/** Some of the names. */
export function named(names: readonly string[]): string {
  const some = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? `${some} and ${names.length - NAMED} more` : some;
}
