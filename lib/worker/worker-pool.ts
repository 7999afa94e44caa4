/**
 * Workers in separate processes, because a repair is limited by hashing as much as by the network. Each process repairs
 * several slabs in parallel over shared connections. If a process crashes, the repairs of other processes continue.
 *
 * `stop` waits for running repairs. What always holds: at most `size` repairs at the same time, at most `processes`
 * processes; a repair goes to the least busy process. `resize` changes both limits and cancels no repair.
 */
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { extname, join } from "node:path";
import type { Clock } from "../clock/clock.ts";
import { OperatorError } from "../errors/operator-error.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import { type WorkEnd, type WorkerHealth, WorkerSlot, type WorkerSlotOptions } from "./worker-slot.ts";

export interface WorkerPoolOptions {
  /** The largest number of parallel repairs. */
  readonly size: number;
  /** The largest number of processes. Default: one per CPU, but at most half of `size`, rounded up. */
  readonly processes?: number;
  /** The workers' complete environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Time limit of a repair, including the commit of its results. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Called when a worker finds that this machine is at fault. The pool then starts no more repairs. */
  readonly onUnfit?: (reason: string) => void;
  /** Called with the metrics of each repair. */
  readonly onMetrics?: WorkerSlotOptions["onMetrics"];
  /** The module that a worker runs. Default: worker-process.ts; tests use other modules. */
  readonly entry?: string;
}

/**
 * The least number of parallel repairs for which a process is worthwhile. A process without repairs already uses as
 * much memory as two repairs with a usual erasure code, and while one of two repairs waits for hosts, the other can
 * compute.
 */
const LEAST_PER_PROCESS = 2;

/** The module is beside this file and has the same extension: `.ts` in a clone, `.js` in the package. */
const ENTRY = join(import.meta.dirname, `worker-process${extname(import.meta.filename)}`);
function workerFailed(): OperatorError {
  return new OperatorError({
    code: "worker-failed",
    message: "worker: expected its process to start, but it ended immediately",
    remedy: "See the worker's output. A worker needs 150 to 600 MiB of memory, and Node.js 24.",
  });
}

export class WorkerPool {
  #size: number;
  readonly #repairsPerProcess: number;
  readonly #slots: readonly WorkerSlot[];
  readonly #underWay = new Set<Promise<WorkEnd>>();
  readonly #waiting: (() => void)[] = [];
  #isStopping = false;

  constructor(options: WorkerPoolOptions) {
    const { size, onUnfit, onMetrics, entry = ENTRY, environment, timeoutMs, clock } = options;
    const wanted = options.processes ?? Math.min(availableParallelism(), Math.ceil(size / LEAST_PER_PROCESS));
    const processes = Math.min(size, wanted);
    this.#size = size;
    this.#repairsPerProcess = Math.ceil(size / processes);
    this.#slots = Array.from(
      { length: processes },
      (_, index) =>
        new WorkerSlot({
          name: `worker ${index + 1}`,
          entry,
          environment,
          repairsAtOnce: this.#repairsPerProcess,
          timeoutMs,
          clock,
          onMetrics,
          onUnfit: (reason) => {
            this.#isStopping = true;
            onUnfit?.(reason);
          },
        }),
    );
  }

  /** The largest number of parallel repairs, as set by `resize`. */
  get size(): number {
    return this.#size;
  }

  /** Sets how many repairs may run in parallel. If fewer processes suffice now, the others end when they are idle. */
  resize(size: number): void {
    this.#size = Math.max(1, size);
    this.#retireSurplus();
  }

  /** How many repairs could be started now; fewer while crashed processes wait for their restart. */
  get free(): number {
    if (this.#isStopping) return 0;
    const spare = this.#used.reduce((sum, slot) => sum + slot.spare, 0);
    return Math.max(0, Math.min(spare, this.#size - this.#underWay.size));
  }

  get busy(): number {
    return this.#underWay.size;
  }

  /** Process ids of the running processes. */
  get pids(): number[] {
    return this.#slots.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** One entry per slot, whether its process is running or not. */
  get health(): readonly WorkerHealth[] {
    return this.#slots.map((slot) => slot.health);
  }

  /**
   * Starts the first process and waits until it is ready, so that a failure shows before anything is leased.
   * @param signal ends the wait, and the process
   * @throws {OperatorError} `worker-failed`; the signal's reason
   */
  async start(signal?: AbortSignal): Promise<void> {
    const child = this.#slots[0]!.start();
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

  /** How long to wait, after a failure of {@link start}, before calling it again. */
  get startPauseMs(): number {
    return this.#slots[0]!.pauseMs;
  }

  /** Starts a repair; call it only while {@link free} is positive. Never rejects. */
  run(task: LeasedSlab): Promise<WorkEnd> {
    if (this.free <= 0) throw new RangeError("no worker is free");
    const end = this.#leastBusy()
      .order(task)
      .finally(() => {
        this.#underWay.delete(end);
        this.#retireSurplus();
        for (const wake of this.#waiting.splice(0)) wake();
      });
    this.#underWay.add(end);
    return end;
  }

  /** Resolves when the next repair ends, or the signal aborts. */
  whenOneEnds(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      signal.addEventListener("abort", () => resolve(), { once: true });
      this.#waiting.push(resolve);
    });
  }

  /** Starts no more repairs, waits for running ones, and ends the processes. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#underWay);
    await Promise.all(this.#slots.map((slot) => slot.stop()));
  }

  get #used(): readonly WorkerSlot[] {
    return this.#slots.slice(0, Math.ceil(this.#size / this.#repairsPerProcess));
  }

  #retireSurplus(): void {
    for (const slot of this.#slots.slice(this.#used.length)) slot.retire();
  }

  /** Prefers an idle process, then an empty slot, then the least busy process. */
  #leastBusy(): WorkerSlot {
    const [first] = this.#used
      .filter(({ isLive, spare }) => isLive && spare > 0)
      .sort((a, b) => a.busy - b.busy);
    if (first?.busy === 0) return first;
    return this.#used.find(({ isStartable }) => isStartable) ?? first!;
  }
}
