/** The JavaScript programs that start TypeScript report missing parts with a remedy before anything runs. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slabmend-launcher-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A clone that contains only the launchers, with these packages installed. */
function cloneWith(name: string, packages: readonly string[]): string {
  const clone = join(folder, name);
  for (const file of ["slabmend.js", "demo.js", "require-installed.js"]) {
    cpSync(join(REPOSITORY, "bin", file), join(clone, "bin", file));
  }
  cpSync(join(REPOSITORY, "package.json"), join(clone, "package.json"));
  for (const each of packages) mkdirSync(join(clone, "node_modules", each), { recursive: true });
  return join(clone, "bin");
}

function run(launcher: string, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [launcher, ...args], {
    encoding: "utf8",
    env: {},
  });
  return { status, stdout, stderr };
}

test("slabmend.js runs the command line and returns its exit code", () => {
  const { status, stdout, stderr } = run(join(REPOSITORY, "bin/slabmend.js"), "status");
  expect([status, stdout]).toEqual([3, ""]);
  expect(stderr).toContain("SLABMEND_DATABASE_URL");
});

test("below node_modules, where Node strips no types, slabmend.js asks for a clone or a package", () => {
  const { status, stderr } = run(join(cloneWith("node_modules/slabmend", ["commander"]), "slabmend.js"));
  expect([status, stderr]).toEqual([3, expect.stringMatching(/clone the repository and run npm ci there/)]);
});

test("in a clone without node_modules slabmend.js asks for npm ci", () => {
  const { status, stderr } = run(join(cloneWith("bare", []), "slabmend.js"), "status");
  expect([status, stderr]).toEqual([3, expect.stringContaining("Run npm ci in the clone.")]);
});

test("after npm ci --omit=dev the demo says why packages are missing, and names the command that installs them", () => {
  const { status, stderr } = run(join(cloneWith("production", ["commander", "node"]), "demo.js"));
  expect(status).toBe(3);
  expect(stderr).toContain("NODE_ENV=production and --omit=dev leave out");
  expect(stderr).toContain("Run npm ci --include=dev.");
});

test("npm ci --omit=dev installs everything that commands and deployments need", () => {
  const read = (path: string) => JSON.parse(readFileSync(join(REPOSITORY, path), "utf8"));
  const { dependencies } = read("package.json") as { dependencies: Record<string, string> };
  const { packages } = read("package-lock.json") as { packages: Record<string, { dev?: boolean }> };
  for (const name of ["node", "sst", "commander", "postgres"]) {
    expect(dependencies).toHaveProperty(name);
    expect(packages[`node_modules/${name}`]?.dev).toBeUndefined();
  }
});
