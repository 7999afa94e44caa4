import { Command, CommanderError } from "commander";
import { encode } from "./command-context.ts";
import { addDeadLetters } from "./commands/dead-letters.ts";
import { addDeriveSeed } from "./commands/derive-seed.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addGrant } from "./commands/grant.ts";
import { addInvoke } from "./commands/invoke.ts";
import { addPause } from "./commands/pause.ts";
import { addPlan } from "./commands/plan.ts";
import { addQuarantine } from "./commands/quarantine.ts";
import { addRepair } from "./commands/repair.ts";
import { addSchema } from "./commands/schema.ts";
import { addStatus } from "./commands/status.ts";
import { addWork } from "./commands/work.ts";
import { exitCode } from "./exit-codes.ts";
import type { OperatorIo } from "./operator-io.ts";
import { describeFailure } from "./report-failure.ts";

/** In the order in which an operator meets them. */
const COMMANDS = [
  addDeriveSeed,
  addSchema,
  addGrant,
  addDoctor,
  addStatus,
  addPlan,
  addRepair,
  addWork,
  addInvoke,
  addPause,
  addDeadLetters,
  addQuarantine,
] as const;

/** Where there is no terminal. */
const HELP_COLUMNS = 110;

/** The parser with every command; what `--help` and docs/command-line.md are made from. */
export function createCommandLine(io: OperatorIo, setExitCode: (code: number) => void): Command {
  const program = new Command("slabmend")
    .description(
      "Repairs the slabs of an indexd: set it up, look at it, steer it, or work for it from this machine.",
    )
    .option("--json", "print JSON for programs, one document a line; errors go as JSON to standard error")
    .option("--env-file <path>", "read variables from a file of NAME=value lines; the environment goes first")
    .option(
      "--database-url <url>",
      "indexd's PostgreSQL database, without password; default: SLABMEND_DATABASE_URL, which may hold one",
    )
    .version("0.1.0", "--version", "print the version")
    .helpCommand(false)
    .showHelpAfterError("Try --help.")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => io.stderr.columns ?? HELP_COLUMNS,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => write(withoutValues(text)),
    });
  for (const add of COMMANDS) add({ program, io, setExitCode });
  return program;
}

/** Runs one command and returns the exit code. Never throws, and writes every failure once, to standard error. */
export async function runCommandLine(args: readonly string[], io: OperatorIo): Promise<number> {
  let code = exitCode("done");
  const program = createCommandLine(io, (given) => {
    code = given;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode("done") : exitCode("usage");
    const { exit, ...failure } = describeFailure(error, io.signal);
    if (program.opts<{ json?: boolean }>().json === true) io.stderr.write(`${encode({ error: failure })}\n`);
    else io.stderr.write(`slabmend: ${failure.message}\n${failure.remedy}\n`);
    return exitCode(exit);
  }
}

/** Whoever mistakes an argument for the place of a secret shall not find it in a log as well. */
function withoutValues(text: string): string {
  return text.replace(/(--?[a-z-]+)=[^'\s]*/gi, "$1=…").replace(/( but got \d+): .*/g, "$1.");
}
