/** docs/command-line.md, made from the parser: a test compares it with what is committed. */
import { PassThrough, Writable } from "node:stream";
import type { Command } from "commander";
import { systemClock } from "../clock/clock.ts";
import { EXIT_CODES } from "./command/exit-codes.ts";
import { createCommandLine } from "./command-line.ts";

export function describeCommandLine(): string {
  let written = "";
  const output = new Writable({
    write(chunk, _encoding, done) {
      written += String(chunk);
      done();
    },
  });
  const usage = (command: Command): string[] => {
    written = "";
    command.outputHelp();
    // Said once, at the top.
    const text = written.replace(/\nGlobal Options:\n( .*\n)+/, "");
    return [
      "```text",
      ...text
        .trimEnd()
        .replace(/\n{3,}/g, "\n\n")
        .split("\n"),
      "```",
      "",
    ];
  };
  const describe = (command: Command): string[] => [
    `## ${fullName(command)}`,
    "",
    ...usage(command),
    ...command.commands.flatMap(describe),
  ];
  const io = {
    environment: {},
    stdin: new PassThrough(),
    stdout: output,
    stderr: output,
    clock: systemClock,
    signal: new AbortController().signal,
  };
  const program = createCommandLine(io, () => {});
  return [
    "# The command line",
    "",
    "`npx slabmend COMMAND`, in a clone of the repository after `npm ci`. Written by `npm run docs:command-line` from the",
    "parser; the same text is in `--help`. Reasons: [decisions](decisions/README.md).",
    "",
    "Secrets never go on a command line: the database URL comes from `SLABMEND_DATABASE_URL`, the migration seed from",
    "`SLABMEND_MIGRATION_SEED`, both from the environment or a file (`--variables-file`), the recovery phrase from standard",
    "input. Variables are those of [configuration.md](configuration.md), and `SLABMEND_CLAIM_FUNCTION`,",
    "`SLABMEND_REPAIR_FUNCTION` and `SLABMEND_REAP_FUNCTION`, the names of the deployed functions, and what the AWS SDK reads.",
    "",
    "With `--json` standard output is one JSON document (with `--watch` one a line), integers that may exceed 2^53 are",
    'strings, and a failure is one line on standard error: `{"error":{"code","message","remedy","details"}}`.',
    "",
    "## Exit codes",
    "",
    "| code | means |",
    "|---|---|",
    ...Object.values(EXIT_CODES).map(({ code, means }) => `| ${code} | ${means} |`),
    "",
    "## slabmend",
    "",
    ...usage(program),
    ...program.commands.flatMap(describe),
  ].join("\n");
}

function fullName(command: Command): string {
  const names: string[] = [];
  for (let at: Command | null = command; at !== null; at = at.parent) names.unshift(at.name());
  return names.join(" ");
}
