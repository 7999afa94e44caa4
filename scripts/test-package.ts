/**
 * Packs slabmend as published, installs it into an empty folder as a user does, and has it repair slabs of a local
 * network. Prints a line with the result, or throws.
 *
 *   npm run test:package
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { readEndedRepairs } from "../dev/playground/follow-journal.ts";
import { changeHost } from "../dev/playground/host-changes.ts";
import { startWorld } from "../dev/playground/start-world.ts";
import { buildPackage } from "./build-package.ts";

const MOST_BYTES = 25_000_000;
const LIMIT_MS = 240_000;
const LOOK_EVERY_MS = 100;
const run = promisify(execFile);
const signal = AbortSignal.timeout(LIMIT_MS);
const options = { slabs: 3, hosts: 8, minShards: 2, totalShards: 5, workers: 2, seed: "package" };

await using stack = new AsyncDisposableStack();
const folder = await mkdtemp(join(tmpdir(), "slabmend-package-"));
stack.defer(() => rm(folder, { recursive: true, force: true }));
const { version, tarball } = await pack();
const app = join(folder, "app");
const bytes = await install();
/** The file that npm links and a user starts. */
const slabmend = join(app, "node_modules", "slabmend", "bin", "slabmend.js");

assert.equal((await run(process.execPath, [slabmend, "--version"])).stdout, `${version}\n`);
await saysWhatAwsNeeds();
const { world, outcomes } = await repairs();
await status(world.variablesFile);
await serves(world.variablesFile);
const size = `${(bytes / 1e6).toFixed(1)} MB unpacked with its dependencies`;
console.log(
  `slabmend ${version}: ${size}; status answered, the console is served, work ended with 0 after ${outcomes.join(", ")}`,
);

async function pack() {
  const source = join(folder, "package");
  const manifest = await buildPackage(source);
  assert.ok(!("sst" in manifest.dependencies) && !("node" in manifest.dependencies));
  await npm(["pack", source, "--pack-destination", folder], folder);
  const [name] = (await readdir(folder)).filter((file) => file.endsWith(".tgz"));
  return { version: manifest.version, tarball: join(folder, name!) };
}

/** @returns the size of the package with its dependencies on disk, in bytes */
async function install(): Promise<number> {
  await run("mkdir", [app]);
  await writeFile(join(app, "package.json"), '{ "private": true }\n');
  await npm(["install", tarball, "--prefer-offline", "--no-audit", "--no-fund"], app);
  const installed = await readdir(join(app, "node_modules"));
  for (const absent of ["@aws-sdk", "sst", "node"])
    assert.ok(!installed.includes(absent), `${absent} was installed`);
  let sum = 0;
  for (const entry of await readdir(join(app, "node_modules"), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) sum += (await stat(join(entry.parentPath, entry.name))).size;
  }
  assert.ok(sum <= MOST_BYTES, `expected at most ${MOST_BYTES} bytes, got ${sum}`);
  return sum;
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  await run("npm", [...args], { cwd, signal, env: cleanEnvironment() });
}

/** This process's environment without slabmend's variables, and without those in which npm describes the clone. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|SLABMEND_)/i.test(name)));
}

async function saysWhatAwsNeeds(): Promise<void> {
  const child = start(["invoke", "claim", "--function", "none"]);
  const [code] = await once(child.process, "close");
  assert.equal(code, 7, child.text());
  assert.match(child.text(), /npm install @aws-sdk\/client-lambda/);
}

/** Runs slabmend until the slabs with lost sectors are repaired, then ends it. */
async function repairs() {
  const started = await startWorld(stack, options, { signal, say: () => {} });
  for (const host of started.hosts.slice(0, 2)) await changeHost(started.sql, "lose", host);
  const work = start([
    "work",
    "--from-database",
    "--concurrency",
    "2",
    "--variables-file",
    started.variablesFile,
  ]);
  const closed = once(work.process, "close");
  const lost = await started.sql<{ slabs: number }[]>`
    select count(distinct slab_id)::integer as slabs from slabmend.sectors_to_move(array(select id from slabs))`;
  let ended = await readEndedRepairs(started.sql, "0");
  while (ended.length < lost[0]!.slabs) {
    signal.throwIfAborted();
    assert.equal(work.process.exitCode, null, work.text());
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    ended = await readEndedRepairs(started.sql, "0");
  }
  assert.ok(lost[0]!.slabs > 0);
  work.process.kill("SIGTERM");
  const [code] = await closed;
  assert.equal(code, 0, work.text());
  const left = await started.sql`select from slabmend.sectors_to_move(array(select id from slabs))`;
  assert.equal(left.length, 0);
  return { world: started, outcomes: ended.map(({ outcome }) => outcome) };
}

async function status(variablesFile: string): Promise<void> {
  const child = start(["status", "--json", "--variables-file", variablesFile]);
  const [code] = await once(child.process, "close");
  assert.equal(code, 0, child.text());
  assert.equal(typeof JSON.parse(child.text()), "object");
}

/** Checks that `slabmend serve` serves the console from the package's files. */
async function serves(variablesFile: string): Promise<void> {
  const at = ["--listen", "127.0.0.1:0", "--token-file", join(folder, "token")];
  const child = start(["serve", ...at, "--concurrency", "1", "--variables-file", variablesFile]);
  const closed = once(child.process, "close");
  for (;;) {
    const [, url] = /"url":"([^"]+)"/.exec(child.text()) ?? [];
    if (url !== undefined) {
      const page = await fetch(`${url}/`, { signal });
      assert.equal(page.status, 200);
      assert.match(await page.text(), /<script type="module" src="\/assets\//);
      break;
    }
    signal.throwIfAborted();
    assert.equal(child.process.exitCode, null, child.text());
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  child.process.kill("SIGTERM");
  const [code] = await closed;
  assert.equal(code, 0, child.text());
}

function start(args: readonly string[]): { readonly process: ChildProcess; text(): string } {
  const child = spawn(process.execPath, [slabmend, ...args], { cwd: app, env: cleanEnvironment() });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part) => (text += part));
  return { process: child, text: () => text };
}
