import { describeFailure, type Failure } from "../../command/report-failure.ts";
import type { Setup } from "./setup.ts";

/**
 * Does a step's work. Prints and returns a failure that the operator can fix; a bug or a signal ends the command.
 */
export async function attempt<Result>(
  { questions, context }: Pick<Setup, "questions" | "context">,
  work: () => Promise<Result>,
): Promise<{ readonly result: Result } | { readonly failure: Failure }> {
  try {
    return { result: await work() };
  } catch (error) {
    const failure = describeFailure(error, context.io.signal);
    if (failure.exit === "unexpected" || failure.exit === "interrupted") throw error;
    questions.tell(`✗ ${failure.message}\n  ${failure.remedy}`);
    return { failure };
  }
}
