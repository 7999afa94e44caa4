import { OperatorError } from "../../../errors/operator-error.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { SERVE_DEFAULTS, serve } from "../serve.ts";
import { clackQuestions } from "./clack-questions.ts";
import { setUp } from "./set-up.ts";

interface SetupOptions {
  readonly file: string;
}

export function addSetup(host: CommandHost): void {
  host.program
    .command("setup")
    .description("ask for slabmend's settings, check them, and write the file of variables that serve reads")
    .option("--file <path>", "the file to write, with mode 0600", ".env.server")
    .addHelpText(
      "after",
      `
The steps are database, schema (init), role (grant, with a generated password), seed (derive-seed) and a first look (doctor,
status). Each step can be skipped, and each value is checked at once. Secrets are typed or pasted and not shown. An existing
file is changed only if you agree, and keeps the variables that setup does not set. Needs a terminal. At the end it starts serve
or shows the steps for AWS. After Ctrl+C finished steps are kept; run it again to continue.`,
    )
    .action(
      action<SetupOptions>(host, async (context, { file }) => {
        const { io, json } = context;
        if (json || io.stdin.isTTY !== true || io.stderr.isTTY !== true) throw noTerminal();
        return await setUp(context, file, clackQuestions(io), (worker) => serve(worker, SERVE_DEFAULTS));
      }),
    );
}

function noTerminal(): OperatorError {
  return new OperatorError({
    code: "terminal-missing",
    message: "setup: expected a terminal, got none (or --json)",
    remedy:
      "Run it at a terminal (with Docker: -it). Without a terminal, run its steps: slabmend derive-seed, init, grant and doctor.",
  });
}
