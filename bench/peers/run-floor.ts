/**
 * Runs the Go program in ./floor, which measures the cost of the bare arithmetic for repairing one of the benchmark's
 * slabs.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CASES, type CaseName, MIN_SHARDS, TOTAL_SHARDS } from "./messages.ts";

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL("./floor/", import.meta.url));

/** CPU milliseconds of each phase, and of all phases together as `total`. */
export type FloorPhases = Readonly<Record<string, number>>;

/**
 * Builds the program into `folder`. Without Go or its modules, returns undefined and prints the reason to standard
 * error.
 */
export async function buildFloor(folder: string): Promise<string | undefined> {
  const program = join(folder, "floor");
  try {
    await run("go", ["build", "-o", program, "."], { cwd: SOURCES });
    return program;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    const why = code === "ENOENT" ? "the go command is missing" : `go build failed: ${stderr}`;
    console.error(`bench:peers: the floor is skipped: ${why}`);
    return undefined;
  }
}

export async function runFloor(program: string, name: CaseName, rounds: number): Promise<FloorPhases> {
  const { how, sectors } = CASES[name];
  const numbers = [
    MIN_SHARDS,
    TOTAL_SHARDS - MIN_SHARDS,
    how === "rebuilt" ? sectors : 0,
    how === "copied" ? sectors : 0,
    rounds,
  ];
  const { stdout } = await run(program, numbers.map(String));
  return JSON.parse(stdout) as FloorPhases;
}
