import { createInterface } from "node:readline/promises";
import { OperatorError } from "../../errors/operator-error.ts";
import type { CommandContext } from "./command-context.ts";

/**
 * Continues only after confirmation: by --yes, or by an answer at the terminal.
 * @throws {OperatorError} `not-confirmed`
 */
export async function confirm(context: CommandContext, options: { readonly yes?: boolean }): Promise<void> {
  if (options.yes === true) return;
  const { stdin, stderr, signal } = context.io;
  let answer = "no terminal to ask";
  if (stdin.isTTY === true && !context.json) {
    const lines = createInterface({ input: stdin, output: stderr });
    try {
      answer = (await lines.question("Continue? (yes/no) ", { signal })).trim().toLowerCase();
    } finally {
      lines.close();
    }
    if (answer === "yes" || answer === "y") return;
  }
  throw new OperatorError({
    code: "not-confirmed",
    message: `confirmation: expected yes, got ${JSON.stringify(answer.slice(0, 20))}; nothing was changed`,
    remedy: "Read what the command does (--help), then run it with --yes.",
  });
}
