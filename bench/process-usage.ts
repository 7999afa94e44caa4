/** What Linux says of a process. */
import { readdir, readFile } from "node:fs/promises";

const KIBIBYTE = 1_024;

/** In MiB: the peak since it started, or now. */
export async function residentMebibytes(pid: number, field: "VmHWM" | "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status);
  if (line === null) throw new Error(`expected ${field} in /proc/${pid}/status`);
  return Number(line[1]) / KIBIBYTE;
}

/** In MiB: what is resident, with what several processes share divided among them. */
export async function proportionalMebibytes(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, "utf8");
  const line = /^Pss:\s+(\d+) kB$/m.exec(rollup);
  if (line === null) throw new Error(`expected Pss in /proc/${pid}/smaps_rollup`);
  return Number(line[1]) / KIBIBYTE;
}

/** Time that its threads have run so far, user and system. Those of Node live as long as it does, so that none is missed. */
export async function cpuMilliseconds(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const times = await Promise.all(
    threads.map(async (thread) => {
      // proc_pid_schedstat(5): nanoseconds on a processor, nanoseconds waiting for one, turns.
      const [ran] = (await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8")).split(" ");
      return Number(ran) / 1_000_000;
    }),
  );
  return times.reduce((sum, milliseconds) => sum + milliseconds, 0);
}
