/** The parent's side of kill tests: a handler in its own process that kills or stops itself at a named step. */
import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FunctionLine } from "../../dev/aws/execution-environment.ts";
import { FunctionPool, type PoolOutcome } from "../../dev/aws/function-pool.ts";
import { startParentGuard } from "../../dev/process/parent-guard.ts";
import { processState } from "./processes.ts";
import { STEP_VARIABLES } from "./step-signal.ts";
import { untilEqual } from "./until.ts";

export interface WorkerOptions {
  /** Absolute path of a module whose handler passes `stepFromEnvironment()` on. */
  readonly entry: string;
  /** Default `handler`. */
  readonly handler?: string;
  /** Its whole environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** Default 60 s. */
  readonly timeoutMs?: number;
  /** Default SIGKILL at the first occurrence. */
  readonly signalAt?: {
    readonly step: string;
    readonly occurrence?: number;
    readonly signal?: "SIGKILL" | "SIGSTOP";
  };
}

export interface WorkerProcess {
  /**
   * One invocation. The process is reused, and frozen between two invocations, as on Lambda. After a kill the next
   * invocation starts a new process, which is not killed.
   */
  invoke(event: unknown): Promise<PoolOutcome>;
  /** Resolves when the process has stopped itself (SIGSTOP). */
  whenStopped(): Promise<void>;
  /** Signals the current process. */
  signal(signal: NodeJS.Signals): boolean;
  /** Whether the process is stopped, like an environment between two invocations. */
  isFrozen(): Promise<boolean>;
  /** The steps that the process has reached, including the step of the signal. */
  steps(): Promise<string[]>;
  /** The output of the process, for the search for secrets (test/canary). */
  readonly lines: readonly FunctionLine[];
  /** Kills remaining processes. */
  stop(): Promise<void>;
}

/**
 * Compiling takes three quarters of a process's start, so hundreds of these processes share the tests' compile cache.
 */
const COMPILE_CACHE = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[0] === "NODE_COMPILE_CACHE"),
);

export async function startWorkerProcess(options: WorkerOptions): Promise<WorkerProcess> {
  const guard = await startParentGuard();
  const stepsFile = join(tmpdir(), `slabmend-steps-${randomUUID()}`);
  const lines: FunctionLine[] = [];
  const { step, occurrence = 1, signal: fatal = "SIGKILL" } = options.signalAt ?? { step: "" };
  const start = (signalAt: string): FunctionPool =>
    new FunctionPool(
      {
        name: "worker",
        entry: options.entry,
        handler: options.handler ?? "handler",
        timeoutMs: options.timeoutMs ?? 60_000,
        maxConcurrency: 1,
        environment: {
          ...options.environment,
          ...COMPILE_CACHE,
          [STEP_VARIABLES.file]: stepsFile,
          [STEP_VARIABLES.signalAt]: signalAt,
        },
      },
      { guard, onLine: (line) => lines.push(line) },
    );
  let pool = start(`${step}:${occurrence}:${fatal}`);
  return {
    async invoke(event) {
      const outcome = await pool.invoke(JSON.stringify(event));
      if (outcome.kind === "failed" && outcome.how === "crashed") {
        await pool.stop();
        pool = start("");
      }
      return outcome;
    },
    async whenStopped() {
      await untilEqual(
        async () => (pool.busy.length === 1 ? await processState(pool.busy[0]!.pid) : undefined),
        "T",
      );
    },
    signal: (signal) => pool.pids.some((pid) => pool.signal(pid, signal)),
    async isFrozen() {
      return pool.pids.length === 1 && (await processState(pool.pids[0]!)) === "T";
    },
    async steps() {
      const text = await readFile(stepsFile, "utf8").catch(() => "");
      return text.split("\n").filter(Boolean);
    },
    lines,
    async stop() {
      await pool.stop();
      await guard.release();
      await rm(stepsFile, { force: true });
    },
  };
}
