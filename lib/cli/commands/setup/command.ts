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
    .description("ask for what slabmend needs, check it, and write the file of variables that serve reads")
    .option("--file <path>", "the file that is written, with mode 0600", ".env.server")
    .addHelpText(
      "after",
      `
Goes through database, schema (init), role (grant, with a password that it makes), seed (derive-seed) and a first look (doctor,
status). Each step can be skipped, and each value is checked at once. Secrets are typed or pasted and not shown. A file that is
there is changed only when you agree, and keeps what setup does not know. Needs a terminal. At the end it starts serve, or shows
the steps for AWS. Ctrl+C keeps the steps that are done; run it again to go on.`,
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
    message: "setup: expected a terminal to ask at, got none (or --json)",
    remedy:
      "Run it at a terminal (with Docker: -it). Without one use its steps: slabmend derive-seed, init, grant and doctor.",
  });
}
