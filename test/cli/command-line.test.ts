import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { EXIT_CODES } from "../../lib/cli/command/exit-codes.ts";
import { createCommandLine } from "../../lib/cli/command-line.ts";
import { describeCommandLine } from "../../lib/cli/describe-command-line.ts";
import { systemClock } from "../../lib/clock/clock.ts";
import { runCli } from "./run-cli.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string): Promise<string> => readFile(join(root, path), "utf8");

function commands(): Map<string, Command> {
  const io = {
    environment: {},
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    signal: new AbortController().signal,
  };
  const found = new Map<string, Command>();
  const add = (command: Command, prefix: string): void => {
    for (const sub of command.commands) {
      found.set(`${prefix}${sub.name()}`, sub);
      add(sub, `${prefix}${sub.name()} `);
    }
  };
  add(
    createCommandLine(io, () => {}),
    "",
  );
  return found;
}

describe("documentation", () => {
  test("docs/command-line.md equals the parser's help", async () => {
    expect(await read("docs/command-line.md")).toBe(describeCommandLine());
  });

  test("every command and option that a document names exists", async () => {
    const known = commands();
    for (const path of [
      "README.md",
      "docs/runbook.md",
      "docs/deployment.md",
      "docs/cost.md",
      "docs/security.md",
    ]) {
      for (const [named, rest] of [...(await read(path)).matchAll(/npx slabmend ([a-z][^`\n]*)/g)]) {
        const words = rest!.split(/\s+/);
        const two = known.get(words.slice(0, 2).join(" "));
        const command = two ?? known.get(words[0]!);
        expect([path, named, command !== undefined]).toEqual([path, named, true]);
        const options = [...command!.options, ...command!.parent!.options].map(({ long }) => long);
        for (const word of words.filter((one) => one.startsWith("--"))) {
          expect([path, named, options]).toEqual([path, named, expect.arrayContaining([word])]);
        }
      }
    }
  });

  test("every command and option has a description", () => {
    for (const [name, command] of commands()) {
      expect([name, command.description().length > 10]).toEqual([name, true]);
      for (const option of command.options) expect([name, option.description !== ""]).toEqual([name, true]);
      for (const argument of command.registeredArguments)
        expect([name, argument.description !== ""]).toEqual([name, true]);
    }
  });

  test("exit codes are distinct and follow the conventions of shells", () => {
    const codes = Object.values(EXIT_CODES).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(EXIT_CODES.interrupted.code).toBe(128 + 2);
  });
});

describe("usage", () => {
  test.each([
    [["--help"], 0],
    [["--version"], 0],
    [["work", "--help"], 0],
    [["quarantine", "release", "--help"], 0],
    [[], 2],
    [["frobnicate"], 2],
    [["plan"], 2],
    [["work", "--concurrency", "0"], 2],
    [["work", "--concurrency", "many"], 2],
    [["dead-letters"], 2],
    [["init", "--drop-everything"], 2],
  ])("%j ends with %d", async (args, expected) => {
    const { code, out, err } = await runCli(args);
    expect(code).toBe(expected);
    expect((expected === 0 ? out : err).length).toBeGreaterThan(5);
  });

  test.each([
    [["--json", "plan"], "missing required argument 'slab'"],
    [["--json", "frobnicate"], "unknown command 'frobnicate'"],
    [["--json", "work", "--concurrency", "0"], "--concurrency <n>"],
    [["work", "--concurrency", "many", "--json"], "whole number from 1 to 1000"],
    [["--json", "invoke", "repair"], "claim, reap"],
    [["--json", "init", "--drop-everything"], "--drop-everything"],
    [["--json", "derive-seed", "abandon", "about"], "expected 0 arguments but got 2"],
    [["--json", "dead-letters"], "expected a command, got none"],
    [["--json"], "expected a command, got none"],
  ])("%j says one line of JSON, and ends with 2", async (args, says) => {
    const { code, out, err } = await runCli(args);
    expect([code, out, err.trimEnd().split("\n").length]).toEqual([2, "", 1]);
    expect(JSON.parse(err)).toEqual({
      error: { code: "usage", message: expect.any(String), remedy: "Try --help.", details: {} },
    });
    expect(JSON.parse(err).error.message.toLowerCase()).toContain(says.toLowerCase());
    expect(err).not.toContain("abandon");
  });

  test("arguments after -- are not parsed as options", async () => {
    const { code, err } = await runCli(["plan", "--", "--json", "more"]);
    expect([code, err.startsWith("{")]).toEqual([2, false]);
  });

  test("a signal ends a running command with exit code 130", async () => {
    const ending = new AbortController();
    ending.abort(new Error("SIGINT"));
    const { code, error } = await runCli(["init", "--json", "--yes"], {
      environment: { SLABMEND_DATABASE_URL: "postgres://u:p@127.0.0.1:1/x" },
      signal: ending.signal,
    });
    expect([code, error?.code]).toEqual([130, "interrupted"]);
  });
});
