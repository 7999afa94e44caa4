/** What Linux says of a process. */
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";

const KIBIBYTE = 1_024;

/** In MiB: the peak since it started, or now. */
export async function residentMebibytes(pid: number, field: "VmHWM" | "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status);
  if (line === null) throw new Error(`expected ${field} in /proc/${pid}/status`);
  return Number(line[1]) / KIBIBYTE;
}

let ticksPerSecond: number | undefined;

/** User and system time of all its threads so far, in steps of a tick (10 ms as a rule). */
export async function cpuMilliseconds(pid: number): Promise<number> {
  ticksPerSecond ??= Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // proc_pid_stat(5): fields 14 and 15; the name before them is in brackets and may hold blanks.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1_000;
}
