import { SlabmendError } from "../errors/slabmend-error.ts";

/** An invalid environment variable. */
export interface ConfigurationProblem {
  readonly name: string;
  readonly expected: string;
  /** What was found; for a secret only its length. */
  readonly got: string;
}

/** Environment variables are missing or invalid. Lists all problems together. */
export class ConfigurationError extends SlabmendError<"configuration"> {
  readonly problems: readonly ConfigurationProblem[];

  constructor(problems: readonly ConfigurationProblem[]) {
    const lines = problems.map(({ name, expected, got }) => `${name}: expected ${expected}, got ${got}`);
    super({
      code: "configuration",
      message: `${problems.length} problem(s) in the environment:\n  ${lines.join("\n  ")}`,
      remedy: "Set the variables named above; docs/configuration.md lists them all.",
    });
    this.problems = problems;
  }
}
