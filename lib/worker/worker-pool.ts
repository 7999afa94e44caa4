/**
 * Workers in processes of their own: a repair is bound by hashing as much as by the network. Each process repairs several
 * slabs at once, which share its connections; one that crashes takes only its own repairs with it.
 *
 *   (none) --first order--> process, 0 to `perProcess` repairs --exit / a repair takes too long--> (gone)
 *
 * `stop` waits for what is under way. What always holds: at most `size` repairs at once, at most `processes` processes; a
 * repair goes to the process that has least to do.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import type { Clock } from "../clock/clock.ts";
import { OperatorError } from "../errors/operator-error.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import { type RepairOrder, type RepairReport, repairId, type WorkerReport } from "./worker-messages.ts";

export interface WorkerPoolOptions {
  /** Repairs at once. */
  readonly size: number;
  /** Default: one for each CPU, as long as each has two repairs. */
  readonly processes?: number;
  /** All that a worker sees of the environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A repair commits what it has before this is over. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** A worker found that this machine is at fault. The pool gives it no more. */
  readonly onUnfit?: (reason: string) => void;
  /** Default: worker-process.ts; tests give their own. */
  readonly entry?: string;
}

export type WorkEnd = RepairReport | { readonly kind: "crashed" };

/** A process alone takes as much memory as two repairs of usual codes; while one waits for hosts, the other computes. */
const LEAST_PER_PROCESS = 2;

const ENTRY = fileURLToPath(new URL("./worker-process.ts", import.meta.url));
function workerFailed(): OperatorError {
  return new OperatorError({
    code: "worker-failed",
    message: "worker: expected its process to start, but it ended at once",
    remedy: "Read what it printed; it needs 150 to 600 MiB of memory, and Node.js 24.",
  });
}

/** A repair ends by itself well before its time is up; a process that does not hangs. Lambda kills it at once. */
const KILL_AFTER_MS = 30_000;

interface Worker {
  readonly child: ChildProcess;
  /** Unlike its process id, no other machine's worker has it. */
  readonly name: string;
  /** Repairs under way, by id. */
  readonly repairs: Map<string, (end: WorkEnd) => void>;
}

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #processes: number;
  readonly #perProcess: number;
  readonly #workers = new Set<Worker>();
  readonly #underWay = new Set<Promise<WorkEnd>>();
  readonly #waiting: (() => void)[] = [];
  #isStopping = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    const { size, processes = Math.min(availableParallelism(), Math.ceil(size / LEAST_PER_PROCESS)) } =
      options;
    this.#processes = Math.min(size, processes);
    this.#perProcess = Math.ceil(options.size / this.#processes);
  }

  /** How many repairs could be started now. */
  get free(): number {
    return this.#isStopping ? 0 : this.#options.size - this.#underWay.size;
  }

  get busy(): number {
    return this.#underWay.size;
  }

  /** Of the processes that live now. */
  get pids(): number[] {
    return [...this.#workers].flatMap(({ child: { pid } }) => (pid === undefined ? [] : [pid]));
  }

  /**
   * Starts the first process and waits until it is ready, to find out before anything is leased.
   * @param signal ends the wait, and the process
   * @throws {OperatorError} `worker-failed`; the signal's reason
   */
  async start(signal?: AbortSignal): Promise<void> {
    const { child } = this.#start();
    const onAbort = (): void => void child.kill("SIGKILL");
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    const [how] = await Promise.race([
      once(child, "message"),
      once(child, "exit").then((exit) => ["exit", ...exit]),
    ]);
    signal?.removeEventListener("abort", onAbort);
    if (how === "exit") {
      signal?.throwIfAborted();
      throw workerFailed();
    }
  }

  /** Starts a repair; call it only while {@link free} is positive. Never rejects. */
  run(task: LeasedSlab): Promise<WorkEnd> {
    if (this.free <= 0) throw new RangeError("no worker is free");
    const end = this.#order(this.#leastBusy(), task).finally(() => {
      this.#underWay.delete(end);
      for (const wake of this.#waiting.splice(0)) wake();
    });
    this.#underWay.add(end);
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
    await Promise.all(this.#underWay);
    await Promise.all(
      [...this.#workers].map(async ({ child }) => {
        const exited = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, "exit");
        if (child.connected) child.disconnect();
        await exited;
      }),
    );
  }

  #leastBusy(): Worker {
    const [first] = [...this.#workers]
      .filter(({ child, repairs }) => child.connected && repairs.size < this.#perProcess)
      .sort((a, b) => a.repairs.size - b.repairs.size);
    if (first !== undefined && (first.repairs.size === 0 || this.#workers.size >= this.#processes))
      return first;
    return this.#start();
  }

  #start(): Worker {
    const { entry = ENTRY, environment } = this.#options;
    const child = fork(entry, [String(this.#perProcess)], {
      env: { ...environment },
      execArgv: [],
      // What it logs is ours to print; nothing is typed to it.
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const name = `worker-${child.pid}-${randomUUID().slice(0, 8)}`;
    const worker: Worker = { child, name, repairs: new Map() };
    this.#workers.add(worker);
    const lose = (): void => {
      this.#workers.delete(worker);
      for (const end of worker.repairs.values()) end({ kind: "crashed" });
    };
    child.on("exit", lose);
    child.on("error", lose);
    child.on("message", (report: WorkerReport) => {
      if (report.kind === "unfit") {
        this.#isStopping = true;
        this.#options.onUnfit?.(report.reason);
      } else if (report.kind !== "ready") {
        const { id, ...end } = report;
        worker.repairs.get(id)?.(end);
      }
    });
    return worker;
  }

  async #order({ child, name, repairs }: Worker, task: LeasedSlab): Promise<WorkEnd> {
    const { timeoutMs, clock } = this.#options;
    const order: RepairOrder = {
      slabId: String(task.slabId),
      digest: task.digest,
      token: task.token,
      id: repairId(name, randomUUID()),
      remainingMs: timeoutMs,
    };
    const { promise, resolve } = Promise.withResolvers<WorkEnd>();
    const cancel = clock.after(timeoutMs + KILL_AFTER_MS, () => child.kill("SIGKILL"));
    repairs.set(order.id, resolve);
    // A process that is still starting finds it in its channel.
    child.send(order, (error) => {
      if (error !== null) resolve({ kind: "crashed" });
    });
    try {
      return await promise;
    } finally {
      cancel();
      repairs.delete(order.id);
    }
  }
}
