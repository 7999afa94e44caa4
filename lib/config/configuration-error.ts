import { SlabmendError } from "../errors/slabmend-error.ts";

/** One environment variable that is not as it must be. */
export interface ConfigurationProblem {
  readonly name: string;
  readonly expected: string;
  /** What was found; of a secret only its length. */
  readonly got: string;
}

/** Thrown once, at the start of an execution environment, with every problem at once. */
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
