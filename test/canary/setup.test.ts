/** Shows that the search finds secrets: a separate run of test files with one leak in each kind of place. */
import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import { VARIABLES } from "../../lib/config/variables.ts";
import { isAllowed } from "./allowed-places.ts";
import { recorded } from "./recorder.ts";
import { rememberVariables } from "./remember-variables.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CONFIG = "test/canary/fixtures/vitest.config.ts";

/** The leaks of leaks.fixture.ts and their places. */
const PLACES = [
  "database password in log line",
  "migration seed in message from leaking-child answer",
  "migration seed in row of slabmend.journal",
  "migration seed in stderr of leaking-child print",
  "migration seed in stderr of the test's process",
  "migration seed in stdout of console.log(process.env.SLABMEND_MIGRATION_SEED)",
  "recovery phrase in log line",
  "signature, as of an account token in log line",
  "slab key in HTTP request POST AmazonSQS.SendMessage",
  "database password in stdout of printenv, which was waited for",
  "slab key in command line of echo",
  "slab key in command line of true",
  "slab key in console.log",
  "slab key in error EvalError",
  "slab key in error RangeError",
  "slab key in error SlabmendError",
  "slab key in error SyntaxError",
  "slab key in error URIError",
  "slab key in log line",
  "slab key in log of PostgreSQL",
  "slab key in row of slabmend.dead_letters",
  "slab key in stdout of echo, which was waited for",
  "slab key in stdout of the test's process",
];

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

async function runFixtures(): Promise<Report["testResults"]> {
  const report = join(tmpdir(), `slabmend-canary-report-${process.pid}.json`);
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const args = ["run", "--config", CONFIG, "--reporter=json", `--outputFile=${report}`];
  const environment = { PATH: process.env["PATH"], TEST_DATABASE: JSON.stringify(inject("database")) };
  // The run is expected to fail.
  await promisify(execFile)(process.execPath, [vitest, ...args], { cwd: ROOT, env: environment }).catch(
    () => {},
  );
  const { testResults } = JSON.parse(await readFile(report, "utf8")) as Report;
  await rm(report);
  return testResults;
}

test("a leak in any kind of place fails its test file; the message names place and secret, but quotes no secret", async () => {
  const results = await runFixtures();
  const of = (file: string) => results.find(({ name }) => name.endsWith(file))!;
  expect([of("clean.fixture.ts").status, of("clean.fixture.ts").message]).toEqual(["passed", ""]);
  expect(of("leaks.fixture.ts").status).toBe("failed");
  // The tests in leaks.fixture.ts pass: the file fails only because of the search.
  expect(of("leaks.fixture.ts").assertionResults.filter(({ status }) => status !== "passed")).toEqual([]);
  const { message } = of("leaks.fixture.ts");
  // Leaves out the form in which a secret was found. The form differs from run to run: random bytes can look like text.
  const lines = message.split("\n").filter((line) => line.startsWith("  "));
  const places = new Set(
    lines.map((line) => line.trim().replace(/ \([^)]*\)|, in ".*"(, and in \d+ more)?$/g, "")),
  );
  expect([...places].sort()).toEqual([...PLACES].sort());
  expect(message).toContain(
    'slab key (numbers) in log line, in "leaks a slab key in a log line that is written nowhere"',
  );
  expect(message).not.toMatch(/[0-9a-f]{16}|[A-Za-z0-9+/]{22}/);
});

test.each([
  ["migration seed", "stdout of slabmend derive-seed", true],
  ["migration seed", 'stdout of slabmend derive-seed, in "as JSON"', true],
  ["migration seed", "stderr of slabmend derive-seed", false],
  ["migration seed", "stdout of slabmend doctor", false],
  ["private key or its seed", "stdout of slabmend derive-seed", false],
  ["database password", "stdout of slabmend derive-seed", false],
])("%s may be in %s: %s", (secret, where, allowed) => {
  expect(isAllowed({ secret, where, form: "hex" })).toBe(allowed);
});

test("the output of tests of functions, commands and the demo is searched for secrets", async () => {
  // The path is not a literal, because vitest.config.ts is not part of the tests' TypeScript program.
  const { default: config } = (await import(join(ROOT, "vitest.config.ts"))) as {
    default: { test: { projects: { test: { include: string[]; setupFiles: string[] } }[] } };
  };
  const searched = config.test.projects
    .filter(({ test: { setupFiles } }) => setupFiles.includes("test/canary/setup.ts"))
    .flatMap(({ test: { include } }) => include);
  for (const folder of ["functions", "cli", "bundle", "dev/demo"]) {
    expect(searched).toContain(`test/${folder}/**/*.test.ts`);
  }
});

test("the canary records every environment variable that is declared secret, and no other", () => {
  const secret = "canary-of-this-test";
  for (const [name, { secret: isSecret }] of Object.entries(VARIABLES)) {
    const before = recorded().secrets.length;
    rememberVariables([
      [name, name.endsWith("_URL") ? `postgres://user:${name}@host/db` : `${secret}-${name}`],
    ]);
    expect(recorded().secrets.length > before, name).toBe(isSecret === true);
  }
});
