/**
 * A slot of the pool for one process that repairs. The process is started when there is work for it. If it ends by
 * itself, it is started again after a pause, which grows if the process repeatedly ends soon after its start
 * (restart-policy.ts).
 *
 *   empty --first order--> live, 0 to `repairsAtOnce` repairs --exit / a repair takes too long--> pausing --pause
 *   over--> empty
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Clock } from "../clock/clock.ts";
import type { LeasedSlab } from "../slab/leased-slab.ts";
import type { MetricsPrinter } from "../telemetry/metrics.ts";
import { decideRestart, type RestartDecision, STEADY_AFTER_MS } from "./restart-policy.ts";
import {
  type RepairOrder,
  type RepairPhase,
  type RepairReport,
  repairId,
  type WorkerReport,
} from "./worker-messages.ts";

/** Makes repairs' ids unique, because processes on two machines may have the same process id. */
const RUN = randomUUID().slice(0, 8);

export type WorkEnd = RepairReport | { readonly kind: "crashed" };

export interface WorkerSlotOptions {
  readonly name: string;
  readonly entry: string;
  /** The process's complete environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly repairsAtOnce: number;
  /** Time limit of a repair, including the commit of its results. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly onUnfit: (reason: string) => void;
  /** Called with the metrics of each repair. */
  readonly onMetrics?: MetricsPrinter["print"] | undefined;
}

export interface RepairInHand {
  readonly slabId: string;
  readonly phase: RepairPhase;
  readonly startedAtMs: number;
}

export interface WorkerHealth {
  readonly name: string;
  /** Null: no process is running; the next order starts one. */
  readonly pid: number | null;
  readonly startedAtMs: number | null;
  /** How many processes were started in this slot after its first process. */
  readonly restarts: number;
  readonly lastExit: string | null;
  /** Since when the slot's processes have repeatedly ended soon after their start; null: they have not. */
  readonly crashLoopingSinceMs: number | null;
  readonly repairs: readonly RepairInHand[];
}

interface Repair extends RepairInHand {
  phase: RepairPhase;
  readonly end: (end: WorkEnd) => void;
}

interface LiveProcess {
  readonly child: ChildProcess;
  readonly startedAtMs: number;
  /** In progress, by id. */
  readonly repairs: Map<string, Repair>;
}

/**
 * If a repair has not ended this long after its time limit, it hangs, and its process is killed. (Lambda kills at
 * once.)
 */
export const KILL_AFTER_MS = 30_000;
/** An idle process that is told to end needs milliseconds; after this time it hangs, and is killed. */
const END_MS = 5_000;

export class WorkerSlot {
  readonly #options: WorkerSlotOptions;
  #live: LiveProcess | undefined;
  #starts = 0;
  #restart: RestartDecision = { failures: 0, delayMs: 0, isCrashLooping: false };
  #startableAtMs = Number.NEGATIVE_INFINITY;
  #loopingSinceMs: number | null = null;
  #lastExit: string | null = null;
  #isStopping = false;
  /** Processes told to end. */
  readonly #retired = new Set<Promise<void>>();

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#live?.child.pid;
  }

  get busy(): number {
    return this.#live?.repairs.size ?? 0;
  }

  /** A process is running and accepts orders. */
  get isLive(): boolean {
    return this.#live?.child.connected === true;
  }

  /** No process is running, and one may be started now. */
  get isStartable(): boolean {
    return this.#live === undefined && this.#options.clock.now() >= this.#startableAtMs;
  }

  /** How long until a process may be started in this slot again; 0: now. */
  get pauseMs(): number {
    return Math.max(0, this.#startableAtMs - this.#options.clock.now());
  }

  /** How many repairs can be ordered now. */
  get spare(): number {
    const { repairsAtOnce } = this.#options;
    if (this.#live === undefined) return this.isStartable ? repairsAtOnce : 0;
    return this.isLive ? repairsAtOnce - this.busy : 0;
  }

  get health(): WorkerHealth {
    const live = this.#live;
    const isSteady = live !== undefined && this.#options.clock.now() - live.startedAtMs >= STEADY_AFTER_MS;
    return {
      name: this.#options.name,
      pid: live?.child.pid ?? null,
      startedAtMs: live?.startedAtMs ?? null,
      restarts: Math.max(0, this.#starts - 1),
      lastExit: this.#lastExit,
      crashLoopingSinceMs: isSteady ? null : this.#loopingSinceMs,
      repairs: [...(live?.repairs.values() ?? [])].map(({ slabId, phase, startedAtMs }) => ({
        slabId,
        phase,
        startedAtMs,
      })),
    };
  }

  /** Call it only while {@link isStartable}. */
  start(): ChildProcess {
    const { entry, environment, repairsAtOnce, clock, onUnfit, onMetrics } = this.#options;
    const child = fork(entry, [String(repairsAtOnce)], {
      env: { ...environment },
      execArgv: [],
      // The process logs to our output, and reads no input.
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const live: LiveProcess = { child, startedAtMs: clock.now(), repairs: new Map() };
    this.#live = live;
    this.#starts += 1;
    child.on("exit", (code, signal) => this.#lose(live, signal ?? `exit code ${code}`));
    child.on("error", (error) => this.#lose(live, "code" in error ? String(error.code) : error.name));
    child.on("message", (report: WorkerReport) => {
      if (report.kind === "unfit") onUnfit(report.reason);
      else if (report.kind === "metrics") onMetrics?.(report.values, report.dimensions);
      else if (report.kind === "phase") {
        const repair = live.repairs.get(report.id);
        if (repair !== undefined) repair.phase = report.phase;
      } else if (report.kind !== "ready") {
        const { id, ...end } = report;
        live.repairs.get(id)?.end(end);
      }
    });
    return child;
  }

  /**
   * Orders a repair, starting the process if none is running; call it only while {@link spare} is positive. Never
   * rejects.
   */
  async order(task: LeasedSlab): Promise<WorkEnd> {
    const { timeoutMs, clock } = this.#options;
    if (this.#live === undefined) this.start();
    const { child, repairs } = this.#live!;
    const order: RepairOrder = {
      slabId: String(task.slabId),
      digest: task.digest,
      token: task.token,
      id: repairId(`worker-${child.pid}-${RUN}`, randomUUID()),
      remainingMs: timeoutMs,
    };
    const { promise, resolve } = Promise.withResolvers<WorkEnd>();
    const cancel = clock.after(timeoutMs + KILL_AFTER_MS, () => child.kill("SIGKILL"));
    repairs.set(order.id, {
      slabId: order.slabId,
      phase: "begin",
      startedAtMs: clock.now(),
      end: resolve,
    });
    // A process that is still starting will find the order in its channel.
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

  /** Ends an idle process to free its memory; the next order starts another. */
  retire(): void {
    const live = this.#live;
    if (live === undefined || live.repairs.size > 0) return;
    this.#live = undefined;
    const exited = this.#end(live.child).finally(() => this.#retired.delete(exited));
    this.#retired.add(exited);
  }

  /** Ends the idle process, and kills it if it hangs. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#live?.child;
    await Promise.all([...this.#retired, ...(child === undefined ? [] : [this.#end(child)])]);
  }

  async #end(child: ChildProcess): Promise<void> {
    const exited = child.exitCode !== null || child.signalCode !== null ? undefined : once(child, "exit");
    if (child.connected) child.disconnect();
    const cancel = this.#options.clock.after(END_MS, () => child.kill("SIGKILL"));
    await exited;
    cancel();
  }

  #lose(live: LiveProcess, how: string): void {
    if (this.#live !== live) return;
    this.#live = undefined;
    if (!this.#isStopping) {
      const nowMs = this.#options.clock.now();
      this.#lastExit = how;
      this.#restart = decideRestart(this.#restart.failures, nowMs - live.startedAtMs);
      this.#startableAtMs = nowMs + this.#restart.delayMs;
      this.#loopingSinceMs = this.#restart.isCrashLooping ? (this.#loopingSinceMs ?? nowMs) : null;
    }
    for (const { end } of live.repairs.values()) end({ kind: "crashed" });
  }
}
