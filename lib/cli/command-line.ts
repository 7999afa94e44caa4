import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { encode } from "./command/command-context.ts";
import { exitCode } from "./command/exit-codes.ts";
import type { OperatorIo } from "./command/operator-io.ts";
import { describeFailure, type Failure } from "./command/report-failure.ts";
import { addDeadLetters } from "./commands/dead-letters/command.ts";
import { addDeriveSeed } from "./commands/derive-seed/command.ts";
import { addDoctor } from "./commands/doctor/command.ts";
import { addFollowers } from "./commands/followers.ts";
import { addGrant } from "./commands/grant.ts";
import { addHistory } from "./commands/history.ts";
import { addHosts } from "./commands/hosts.ts";
import { addIndexers } from "./commands/indexers/command.ts";
import { addInvoke } from "./commands/invoke/command.ts";
import { addLosses } from "./commands/losses/command.ts";
import { addMaintenance } from "./commands/maintenance/command.ts";
import { addMoveDatabase } from "./commands/move-database/command.ts";
import { addPause } from "./commands/pause.ts";
import { addPlan } from "./commands/plan/command.ts";
import { addQuarantine } from "./commands/quarantine.ts";
import { addRepair } from "./commands/repair/command.ts";
import { addRestore } from "./commands/restore/command.ts";
import { addSchema } from "./commands/schema/command.ts";
import { addServe } from "./commands/serve.ts";
import { addSetup } from "./commands/setup/command.ts";
import { addSlab } from "./commands/slab.ts";
import { addSlabs } from "./commands/slabs.ts";
import { addStatus } from "./commands/status/command.ts";
import { addWork } from "./commands/work.ts";

/**
 * The error for --env-file, which users type by habit. It cannot be an option of slabmend: Node.js takes this option
 * for itself, even after the script's name, and exits if the file is missing.
 */
function refuseEnvFile(): never {
  throw new InvalidArgumentError("Write --variables-file: Node.js takes --env-file for itself.");
}

/** The help lists the commands in this order, the order in which an operator needs them. */
const COMMANDS = [
  addSetup,
  addDeriveSeed,
  addSchema,
  addGrant,
  addDoctor,
  addStatus,
  addSlabs,
  addSlab,
  addHistory,
  addHosts,
  addLosses,
  addPlan,
  addRepair,
  addWork,
  addServe,
  addInvoke,
  addPause,
  addIndexers,
  addMaintenance,
  addMoveDatabase,
  addRestore,
  addDeadLetters,
  addQuarantine,
  addFollowers,
] as const;

/** Width of the help text when the output is not a terminal. */
const HELP_COLUMNS = 110;

/** The parser with every command; `--help` and docs/command-line.md are generated from it. */
export function createCommandLine(
  io: OperatorIo,
  setExitCode: (code: number) => void,
  /** Receives usage errors; default: standard error. */
  sayUsage: (text: string) => void = (text) => io.stderr.write(text),
): Command {
  const program = new Command("slabmend")
    .description(
      "Repairs the slabs of an indexd. Set up, inspect and control the fleet, or run repairs on this machine.",
    )
    .option("--json", "print JSON for programs, one document per line; errors go to standard error as JSON")
    .option(
      "--variables-file <path>",
      "read variables from a file of NAME=value lines; the environment takes precedence",
    )
    .addOption(new Option("--env-file <path>").argParser(refuseEnvFile).hideHelp())
    .option("--indexer <name>", "the indexer to use, if the folder SLABMEND_INDEXERS has several")
    .option(
      "--database-url <url>",
      "indexd's PostgreSQL database, without a password; default: SLABMEND_DATABASE_URL, which may contain a password",
    )
    .version("0.1.0", "--version", "print the version")
    .showHelpAfterError("Try --help.")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: sayUsage,
      getOutHelpWidth: () => io.stdout.columns ?? HELP_COLUMNS,
      getErrHelpWidth: () => io.stderr.columns ?? HELP_COLUMNS,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => write(withoutValues(text)),
    });
  for (const add of COMMANDS) add({ program, io, setExitCode });
  return program;
}

/** Runs one command and returns the exit code. Never throws; writes each failure once, to standard error. */
export async function runCommandLine(args: readonly string[], io: OperatorIo): Promise<number> {
  let code = exitCode("done");
  let usage = "";
  const isJson = beforeDashes(args).includes("--json");
  const program = createCommandLine(
    io,
    (given) => {
      code = given;
    },
    (text) => {
      if (isJson) usage += text;
      else io.stderr.write(text);
    },
  );
  try {
    await program.parseAsync([...args], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return exitCode("done");
      if (isJson) io.stderr.write(`${encode({ error: usageFailure(error.code, usage) })}\n`);
      return exitCode("usage");
    }
    const { exit, ...failure } = describeFailure(error, io.signal);
    if (isJson) io.stderr.write(`${encode({ error: failure })}\n`);
    else io.stderr.write(`slabmend: ${failure.message}\n${failure.remedy}\n`);
    return exitCode(exit);
  }
}

/** Everything after `--` is an argument, even if it looks like an option. */
function beforeDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end < 0 ? args : args.slice(0, end);
}

/** Extracts the error sentence from the parser's output. */
function usageFailure(code: string, said: string): Omit<Failure, "exit"> {
  const message = /^error: (.*)$/m.exec(said)?.[1];
  // No error sentence: the parser printed the help of a command that needs a subcommand.
  const isHelp = message === undefined || code === "commander.help";
  return {
    code: "usage",
    message: isHelp ? "arguments: expected a command, got none" : message,
    remedy: "Try --help.",
    details: {},
  };
}

/** Removes values from usage errors: a secret passed as an argument by mistake must not reach a log. */
function withoutValues(text: string): string {
  return text.replace(/(--?[a-z-]+)=[^'\s]*/gi, "$1=…").replace(/( but got \d+): .*/g, "$1.");
}
