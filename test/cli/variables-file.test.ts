import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "./run-cli.ts";

let file: string;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slabmend-variables-"));
  file = join(folder, "variables");
});
afterAll(() => rm(folder, { recursive: true }));

/** Runs `init` with this file. If `init` refuses the URL's public host, it has read the URL from the file. */
async function initWith(content: string | Buffer, environment: Record<string, string> = {}) {
  await writeFile(file, content);
  return (await runCli(["init", "--json", "--variables-file", file], { environment })).error;
}

const LINE = "SLABMEND_DATABASE_URL=postgres://u:hunter2canary@8.8.8.8/x\n";
const READ = "database-url-without-tls";

describe("--variables-file", () => {
  test("--variables-file sets only variables that the environment does not set", async () => {
    expect((await initWith(LINE))?.code).toBe(READ);
    const away = { SLABMEND_DATABASE_URL: "postgres://u:p@127.0.0.1:1/x" };
    expect((await initWith(LINE, away))?.code).toBe("database-unreachable");
  });

  test.each([
    ["as `sst deploy` prints it", `   ${LINE.replace("=", ": ")}`],
    ["with a byte order mark", `\ufeff${LINE}`],
    ["with the line ends of Windows", LINE.replace("\n", "\r\n")],
    ["with both, and a comment first", `\ufeff# written by PowerShell\r\n${LINE.replace("\n", "\r\n")}`],
  ])("--variables-file reads a file %s", async (_how, content) => {
    expect((await initWith(content))?.code).toBe(READ);
  });

  const utf16 = (text: string) => Buffer.from(text, "utf16le");
  test.each([
    ["UTF-16 with a byte order mark, as from PowerShell's >", utf16(`\ufeff${LINE}`), "UTF-16"],
    ["UTF-16 without a byte order mark", utf16(LINE), "UTF-16"],
    ["UTF-16, big-endian", utf16(`\ufeff${LINE}`).swap16(), "UTF-16"],
    ["a stray NUL", LINE.replace("u:", "u\0:"), "UTF-16 or a binary file (it has NUL bytes)"],
    ["Latin-1", Buffer.from(LINE.replace("canary", "\u00e4"), "latin1"), "bytes that are not UTF-8"],
  ])("--variables-file refuses %s by name, without printing its content", async (_what, content, got) => {
    const error = await initWith(content);
    expect(error).toMatchObject({
      code: "variables-file-unreadable",
      message: expect.stringContaining(`expected a file of NAME=value lines in UTF-8, got ${got}`),
      remedy: expect.stringContaining("UTF-8"),
    });
    expect(JSON.stringify(error)).not.toContain("hunter2");
  });

  test("--variables-file refuses a missing file", async () => {
    const { error } = await runCli(["init", "--json", "--variables-file", "/nowhere/.env"]);
    expect(error).toMatchObject({
      code: "variables-file-unreadable",
      message: expect.stringContaining("ENOENT"),
    });
  });

  test.each([["--env-file", "x"], ["--env-file=x"]])(
    "%j is refused with a hint to --variables-file, because Node.js takes that option",
    async (...args) => {
      const { code, err } = await runCli(["status", ...args]);
      expect(code).toBe(2);
      expect(err).toContain("Write --variables-file: Node.js takes --env-file for itself.");
    },
  );
});
