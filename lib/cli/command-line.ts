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

/** Habit types it. Node.js reads it out of any command line, and ends with "not found" if there is no such file. */
function refuseEnvFile(): never {
  throw new InvalidArgumentError("Write --variables-file: Node.js takes --env-file for itself.");
}

/** In the order in which an operator meets them. */
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

/** Where there is no terminal. */
const HELP_COLUMNS = 110;

/** The parser with every command; what `--help` and docs/command-line.md are made from. */
export function createCommandLine(
  io: OperatorIo,
  setExitCode: (code: number) => void,
  /** Where what is wrong with the arguments goes; default: standard error. */
  sayUsage: (text: string) => void = (text) => io.stderr.write(text),
): Command {
  const program = new Command("slabmend")
    .description(
      "Repairs the slabs of an indexd: set it up, look at it, steer it, or work for it from this machine.",
    )
    .option("--json", "print JSON for programs, one document a line; errors go as JSON to standard error")
    .option(
      "--variables-file <path>",
      "read variables from a file of NAME=value lines; the environment goes first",
    )
    .addOption(new Option("--env-file <path>").argParser(refuseEnvFile).hideHelp())
    .option("--indexer <name>", "of several (SLABMEND_INDEXERS), the one that the command is about")
    .option(
      "--database-url <url>",
      "indexd's PostgreSQL database, without password; default: SLABMEND_DATABASE_URL, which may hold one",
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

/** Runs one command and returns the exit code. Never throws, and writes every failure once, to standard error. */
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

/** What comes after `--` is an argument, whatever it looks like. */
function beforeDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end < 0 ? args : args.slice(0, end);
}

/** Of what the parser said, for people, the sentence about what is wrong. */
function usageFailure(code: string, said: string): Omit<Failure, "exit"> {
  const message = /^error: (.*)$/m.exec(said)?.[1];
  // Without a sentence it printed the help of a command that needs another one behind it.
  const isHelp = message === undefined || code === "commander.help";
  return {
    code: "usage",
    message: isHelp ? "arguments: expected a command, got none" : message,
    remedy: "Try --help.",
    details: {},
  };
}

/** Whoever mistakes an argument for the place of a secret shall not find it in a log as well. */
function withoutValues(text: string): string {
  return text.replace(/(--?[a-z-]+)=[^'\s]*/gi, "$1=…").replace(/( but got \d+): .*/g, "$1.");
}
