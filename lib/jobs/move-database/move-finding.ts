/** One finding of `plan`. */

export interface MoveFinding {
  /** A stable code. */
  readonly code: string;
  readonly level: "ok" | "warning" | "failure";
  readonly says: string;
  /** Always set for a warning or a failure. */
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

/** The first names as text, and how many more there are. */
export function named(names: readonly string[]): string {
  const some = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? `${some} and ${names.length - NAMED} more` : some;
}
