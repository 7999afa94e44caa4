/**
 * Workers, each in a process of its own: a repair is bound by hashing as much as by the network, and one that crashes takes no
 * other with it. Processes are started when first needed, and again after a crash.
 *
 *   idle --run--> busy --ended / not-begun--> idle         busy --exit / too long--> (gone), started again when needed
 *
 * `stop` waits for what is busy. What always holds: at most `size` processes, at most one repair in each.
 */

import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Clock } from "../clock/clock.ts";
import { OperatorError } from "../errors/operator-error.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import type { RepairOrder, WorkerReport } from "./worker-messages.ts";

export interface WorkerPoolOptions {
  readonly size: number;
  /** All that a worker sees of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A repair commits what it has before this is over. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Default: worker-process.ts; tests give their own. */
  readonly entry?: string;
}

export type WorkEnd = Exclude<WorkerReport, { kind: "ready" }> | { readonly kind: "crashed" };

const ENTRY = fileURLToPath(new URL("./worker-process.ts", import.meta.url));
function workerFailed(): OperatorError {
  return new OperatorError({
    code: "worker-failed",
    message: "worker: expected its process to start, but it ended at once",
    remedy: "Read what it printed; it needs about 250 MiB of memory, and Node.js 24.",
  });
}

/** A repair ends by itself well before its time is up; a process that does not hangs. Lambda kills it at once. */
const KILL_AFTER_MS = 30_000;

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #idle: ChildProcess[] = [];
  readonly #busy = new Map<ChildProcess, Promise<WorkEnd>>();
  readonly #waiting: (() => void)[] = [];
  #isStopping = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** How many repairs could be started now. */
  get free(): number {
    return this.#isStopping ? 0 : this.#options.size - this.#busy.size;
  }

  get busy(): number {
    return this.#busy.size;
  }

  /** Of the processes that live now. */
  get pids(): number[] {
    return [...this.#idle, ...this.#busy.keys()].flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /**
   * Starts the first process and waits until it is ready, to find out before anything is leased.
   * @throws {OperatorError} `worker-failed`
   */
  async start(): Promise<void> {
    const child = this.#start();
    const [how] = await Promise.race([
      once(child, "message"),
      once(child, "exit").then((exit) => ["exit", ...exit]),
    ]);
    if (how === "exit") throw workerFailed();
    this.#idle.push(child);
  }

  /** Starts a repair; call it only while {@link free} is positive. Never rejects. */
  run(task: LeasedSlab): Promise<WorkEnd> {
    if (this.free <= 0) throw new RangeError("no worker is free");
    const child = this.#idle.pop() ?? this.#start();
    const end = this.#order(child, task).finally(() => {
      this.#busy.delete(child);
      if (child.connected) this.#idle.push(child);
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.#busy.set(child, end);
    return end;
  }

  /** Resolves when a repair has ended since, or the signal aborts. */
  whenOneEnds(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
      this.#waiting.push(resolve);
    });
  }

  /** Starts nothing more, waits for the repairs in hand, and ends the processes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#busy.values());
    await Promise.all(
      this.#idle.splice(0).map(async (child) => {
        const exited = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, "exit");
        if (child.connected) child.disconnect();
        await exited;
      }),
    );
  }

  #start(): ChildProcess {
    const child = fork(this.#options.entry ?? ENTRY, {
      env: { ...this.#options.environment },
      execArgv: [],
      // What it logs is ours to print; nothing is typed to it.
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    child.on("exit", () => {
      const place = this.#idle.indexOf(child);
      if (place >= 0) this.#idle.splice(place, 1);
    });
    return child;
  }

  #order(child: ChildProcess, task: LeasedSlab): Promise<WorkEnd> {
    const { timeoutMs, clock } = this.#options;
    const order: RepairOrder = {
      slabId: String(task.slabId),
      digest: task.digest,
      token: task.token,
      id: `worker-${child.pid}/${randomUUID()}`,
      remainingMs: timeoutMs,
    };
    return new Promise((resolve) => {
      const cancel = clock.after(timeoutMs + KILL_AFTER_MS, () => child.kill("SIGKILL"));
      const end = (result: WorkEnd): void => {
        cancel();
        child.off("message", onMessage);
        child.off("exit", onExit);
        child.off("error", onExit);
        resolve(result);
      };
      const onMessage = (report: WorkerReport): void => {
        if (report.kind !== "ready") end(report);
      };
      const onExit = (): void => end({ kind: "crashed" });
      child.on("message", onMessage);
      child.on("exit", onExit);
      child.on("error", onExit);
      // A process that is still starting finds it in its channel.
      child.send(order, (error) => {
        if (error !== null) onExit();
      });
    });
  }
}
