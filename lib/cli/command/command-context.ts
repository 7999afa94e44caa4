/** What all commands share: reading options, the database URL, and printing for people or for programs. */
import type { Command } from "commander";
import { type Environment, parseEnvironment } from "../../config/parse-environment.ts";
import type { VariableName } from "../../config/variables.ts";
import { readVariablesFile } from "../../config/variables-file.ts";
import { SCHEMA_VERSION } from "../../reports/fields.ts";
import { Secret } from "../../secret/secret.ts";
import { type ExitReason, exitCode } from "./exit-codes.ts";
import { findIndexer } from "./find-indexer.ts";
import type { OperatorIo } from "./operator-io.ts";

/** Options that every command has. */
interface CommonOptions {
  readonly json?: boolean;
  readonly variablesFile?: string;
  readonly databaseUrl?: string;
  readonly indexer?: string;
}

export interface CommandContext {
  readonly io: OperatorIo;
  readonly json: boolean;
  /** The environment, plus the variables of --variables-file that the environment does not set. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Undefined if neither the option nor the variable is set. Secret. */
  readonly databaseUrl: Secret<string> | undefined;
  /** Parses the variables of docs/configuration.md and reports all problems together. */
  parse<Name extends VariableName>(names: readonly Name[]): Pick<Environment, Name>;
  /** Prints the document with --json, else the text. Nothing else goes to standard output. */
  print(result: object, text: string): void;
  /** Prints a note for people to standard error; prints nothing with --json. */
  note(text: string): void;
}

/** The program that a command is added to, and what the command's action needs. */
export interface CommandHost {
  readonly program: Command;
  readonly io: OperatorIo;
  readonly setExitCode: (code: number) => void;
}

/**
 * Makes the action of a command from `run`: passes the context to `run`, and turns the reason that it returns into the
 * exit code. Commander calls an action with the arguments, then the options, then the command.
 */
export function action<Options extends object>(
  { io, setExitCode }: CommandHost,
  run: (context: CommandContext, options: Options, args: readonly string[]) => Promise<ExitReason>,
) {
  return async (...given: unknown[]): Promise<void> => {
    const command = given.at(-1) as Command;
    const context = createContext(io, command.optsWithGlobals());
    const reason = await run(context, command.opts(), command.args);
    setExitCode(exitCode(reason));
  };
}

/** Reads --variables-file. */
export function createContext(io: OperatorIo, common: CommonOptions): CommandContext {
  const { variablesFile } = common;
  const fromFile = variablesFile === undefined ? {} : readVariablesFile(variablesFile);
  const all = { ...fromFile, ...io.environment };
  const { indexer } = common;
  const variables = indexer === undefined ? all : findIndexer(all, indexer).environment;
  const databaseUrl = common.databaseUrl ?? variables["SLABMEND_DATABASE_URL"];
  const json = common.json === true;
  return {
    io,
    json,
    variables,
    databaseUrl: databaseUrl ? new Secret(databaseUrl) : undefined,
    parse: (names) => parseEnvironment(names, variables),
    print(result, text) {
      io.stdout.write(
        json
          ? `${encode({ schemaVersion: SCHEMA_VERSION, ...result })}\n`
          : text.endsWith("\n")
            ? text
            : `${text}\n`,
      );
    },
    note(text) {
      if (!json) io.stderr.write(`${text}\n`);
    },
  };
}

/**
 * A copy of the context, as if the command had been started with the changed variables. Undefined unsets a variable.
 */
export function withVariables(
  context: CommandContext,
  changes: Readonly<Record<string, string | undefined>>,
): CommandContext {
  const variables = { ...context.variables, ...changes };
  const url = "SLABMEND_DATABASE_URL" in changes ? changes["SLABMEND_DATABASE_URL"] : undefined;
  return {
    ...context,
    variables,
    databaseUrl: url ? new Secret(url) : context.databaseUrl,
    parse: (names) => parseEnvironment(names, variables),
  };
}

/**
 * Bigints become decimal strings. Undefined becomes null, so that no key disappears. A result must not contain byte
 * arrays.
 */
export function encode(result: object): string {
  return JSON.stringify(result, (_key, value: unknown) =>
    typeof value === "bigint" ? String(value) : value === undefined ? null : value,
  );
}
