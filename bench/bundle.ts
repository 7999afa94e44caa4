/**
 * The size of each function's zip, and the time and memory that a new process needs to import it, as in a cold start.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { deflateRawSync } from "node:zlib";
import { FUNCTIONS, type FunctionName } from "../infra/function-settings.ts";
import { bundleFunction } from "../scripts/bundle.ts";
import { median, rounded } from "./measure.ts";

const run = promisify(execFile);
const ROUNDS = 15;
/**
 * The bytes that a zip needs for each file in addition to the compressed data: headers with a short name, and a share
 * of the end record.
 */
const ZIP_OVERHEAD_BYTES = 200;

/** Imports the module named by the argument, as Lambda's runtime does before the first invocation. */
const PROGRAM = `
  const startedMs = performance.now();
  await import(process.argv[1]);
  const initMs = performance.now() - startedMs;
  console.log(JSON.stringify({ initMs, rssBytes: process.memoryUsage.rss() }));`;

export async function benchBundles(): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-bench-"));
  try {
    const names = Object.keys(FUNCTIONS) as FunctionName[];
    const entries = new Map<FunctionName, string>();
    for (const name of names) entries.set(name, (await bundleFunction(name, join(folder, name))).entry);
    const samples = new Map(names.map((name) => [name, [] as { initMs: number; rssBytes: number }[]]));
    for (let round = -1; round < ROUNDS; round++) {
      for (const name of names) {
        const sample = await importOnce(entries.get(name)!);
        // The samples of the first round, number -1, do not count: it reads the files from disk.
        if (round >= 0) samples.get(name)!.push(sample);
      }
    }
    const report: Record<string, object> = {};
    for (const name of names) {
      const taken = samples.get(name)!;
      report[name] = {
        zippedBytes: await zippedBytes(join(folder, name)),
        initMs: rounded(median(taken.map(({ initMs }) => initMs))),
        slowestInitMs: rounded(Math.max(...taken.map(({ initMs }) => initMs))),
        rssMiB: rounded(median(taken.map(({ rssBytes }) => rssBytes)) / 1_048_576),
      };
    }
    return report;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function importOnce(entry: string): Promise<{ initMs: number; rssBytes: number }> {
  const { stdout } = await run(process.execPath, [
    "--input-type=module",
    "--eval",
    PROGRAM,
    pathToFileURL(entry).href,
  ]);
  return JSON.parse(stdout) as { initMs: number; rssBytes: number };
}

async function zippedBytes(directory: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(directory)) {
    total += deflateRawSync(await readFile(join(directory, name))).length + ZIP_OVERHEAD_BYTES;
  }
  return total;
}
