/** Linux's statistics of a process. */
import { readdir, readFile } from "node:fs/promises";

const KIBIBYTE = 1_024;

/** A process's resident memory in MiB: the peak since its start (VmHWM), or the current value (VmRSS). */
export async function residentMebibytes(pid: number, field: "VmHWM" | "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status);
  if (line === null) throw new Error(`expected ${field} in /proc/${pid}/status`);
  return Number(line[1]) / KIBIBYTE;
}

/** A process's resident memory in MiB, with shared pages divided among the processes that share them. */
export async function proportionalMebibytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const line = /^Pss:\s+(\d+) kB$/m.exec(rollup);
  if (line === null) throw new Error(`expected Pss in /proc/${pid}/smaps_rollup`);
  return Number(line[1]) / KIBIBYTE;
}

/**
 * User and system time that the process's threads have used so far. Node's threads live as long as the process, so none
 * is missed.
 */
export async function cpuMilliseconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    threads.map(async (thread) => {
      // The file's three numbers (proc_pid_schedstat(5)): nanoseconds on a processor, nanoseconds waiting for a
      // processor, time slices.
      const [ran] = (await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8")).split(" ");
      return Number(ran) / 1_000_000;
    }),
  );
  return times.reduce((sum, milliseconds) => sum + milliseconds, 0);
}
