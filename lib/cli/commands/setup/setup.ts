import type { CommandContext } from "../../command/command-context.ts";
import type { Questions } from "./questions.ts";
import type { VariablesTarget } from "./variables-target.ts";

/** What every step gets. */
export interface Setup {
  readonly questions: Questions;
  /** The context with the values found so far; its database URL is the operator's login. */
  readonly context: CommandContext;
  readonly target: VariablesTarget;
}

export const SKIP = { value: "skip", label: "Skip this step" } as const;
