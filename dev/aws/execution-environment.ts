/**
 * Emulates a Lambda execution environment: one process that runs one function, one invocation at a time.
 *
 *   starting --ready--> idle (frozen) <--> busy
 *       \________________|_________________|____ killed, crashed, timed out ----> dead
 *
 * Invariants: a timer kills a busy environment at its deadline, even if a signal has stopped its process; the
 * invocation of a dead environment has an outcome; after a timeout or a crash an environment is not used again.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ParentGuard } from "../process/parent-guard.ts";
import {
  DEFAULT_MEMORY_MB,
  type FunctionDefinition,
  functionArn,
  functionEnvironment,
} from "./function-definition.ts";
import type { FromFunction, FunctionError, ToFunction } from "./function-messages.ts";

export type InvocationOutcome =
  | { readonly kind: "succeeded"; readonly payload: string }
  | {
      readonly kind: "failed";
      readonly how: "handler-error" | "init-error" | "timed-out" | "crashed";
      readonly error: FunctionError;
    };

export interface FunctionLine {
  readonly functionName: string;
  readonly pid: number;
  readonly stream: "stdout" | "stderr";
  readonly line: string;
}

export interface EnvironmentDependencies {
  readonly guard: ParentGuard;
  readonly onLine: (line: FunctionLine) => void;
}

type State = "starting" | "idle" | "busy" | "dead";

/**
 * The time limit for importing the function's module. Lambda allows 10 s; here the import takes longer, because it
 * compiles TypeScript while the database, the hosts and other workers use the same machine.
 */
const INIT_TIMEOUT_MS = 60_000;
/** Signals that the program of a function's process does not catch. */
const DEADLY: readonly string[] = ["SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGABRT", "SIGSEGV"];
const PROGRAM = fileURLToPath(new URL("./function-process.ts", import.meta.url));

export class ExecutionEnvironment {
  readonly pid: number;
  /** Settles when the process has ended. */
  readonly ended: Promise<void>;
  #state: State = "starting";
  #settle: ((outcome: InvocationOutcome) => void) | undefined;
  #requestId = "";
  /** Whether a deadly signal was sent to the process. If so, the process's later messages are ignored. */
  #doomed = false;
  readonly #child: ChildProcess;
  readonly #definition: FunctionDefinition;
  readonly #freezes: boolean;

  /** Starts a process. Call `initialize` before the first `invoke`. */
  constructor(definition: FunctionDefinition, dependencies: EnvironmentDependencies) {
    const memoryMb = definition.memoryMb ?? DEFAULT_MEMORY_MB;
    this.#definition = definition;
    this.#freezes = definition.freezeBetweenInvocations ?? true;
    this.#child = fork(PROGRAM, [], {
      env: functionEnvironment(definition),
      execArgv: [`--max-old-space-size=${memoryMb}`],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // Ctrl+C must reach only the parent, which ends the child in an orderly way.
      detached: true,
    });
    this.pid = this.#child.pid ?? 0;
    this.#child.on("error", () => {});
    const dismiss = dependencies.guard.endProcess(this.pid, "KILL");
    const died = (code: unknown, signal: unknown): void => {
      dismiss();
      this.#state = "dead";
      this.#finish(crashed(this.#requestId, code, signal));
    };
    this.ended = once(this.#child, "exit").then(
      ([code, signal]: unknown[]) => died(code, signal),
      // The process could not be started.
      () => died("none", null),
    );
    for (const stream of ["stdout", "stderr"] as const) {
      createInterface({ input: this.#child[stream]! }).on("line", (line) =>
        dependencies.onLine({ functionName: definition.name, pid: this.pid, stream, line }),
      );
    }
    this.#child.on("message", (message: FromFunction) => this.#receive(message));
    this.#send({ type: "initialize", entry: definition.entry, handler: definition.handler ?? "handler" });
  }

  /** Whether the environment waits for an invocation. */
  get isIdle(): boolean {
    return this.#state === "idle" && !this.#doomed;
  }

  /** Waits until the module is imported. @returns the outcome if the import failed */
  async initialize(): Promise<InvocationOutcome | undefined> {
    if (this.#state !== "starting") return undefined;
    const outcome = await this.#await(INIT_TIMEOUT_MS, "init");
    return outcome.kind === "failed" ? outcome : undefined;
  }

  /** Never rejects. The environment must be idle. */
  async invoke(requestId: string, payload: string): Promise<InvocationOutcome> {
    if (!this.isIdle) return crashed(requestId, "unknown", null);
    this.#state = "busy";
    this.#requestId = requestId;
    this.signal("SIGCONT");
    const outcome = this.#await(this.#definition.timeoutMs, requestId);
    this.#send({
      type: "invoke",
      requestId,
      payload,
      deadlineMs: Date.now() + this.#definition.timeoutMs,
      functionName: this.#definition.name,
      functionArn: functionArn(this.#definition.name),
      memoryMb: this.#definition.memoryMb ?? DEFAULT_MEMORY_MB,
    });
    return await outcome;
  }

  /** Sends a signal, if the process is still there. */
  signal(signal: NodeJS.Signals): boolean {
    // process.kill() is used because child.kill() would mark the child as `killed` at the first signal, even at
    // SIGCONT.
    if (this.#state === "dead" || this.pid === 0) return false;
    if (DEADLY.includes(signal)) this.#doomed = true;
    try {
      return process.kill(this.pid, signal);
    } catch {
      return false;
    }
  }

  /** Kills the process and waits until it has ended. */
  async destroy(): Promise<void> {
    this.signal("SIGKILL");
    await this.ended;
  }

  /**
   * Resolves with the function's result or its crash. After `limitMs` it kills the process, and resolves with the
   * timeout.
   */
  async #await(limitMs: number, requestId: string): Promise<InvocationOutcome> {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.signal("SIGKILL");
    }, limitMs);
    const outcome = await new Promise<InvocationOutcome>((resolve) => {
      this.#settle = resolve;
      if (this.#state === "dead") this.#finish(crashed(requestId, "unknown", null));
    });
    clearTimeout(timer);
    return timedOut ? expired(requestId, limitMs) : outcome;
  }

  #receive(message: FromFunction): void {
    if (this.#doomed) return;
    switch (message.type) {
      case "ready":
        this.#state = "idle";
        this.#finish({ kind: "succeeded", payload: "" });
        break;
      case "not-ready":
        this.#finish({ kind: "failed", how: "init-error", error: message.error });
        this.signal("SIGKILL");
        break;
      case "result":
        this.#finishInvocation(message.requestId, { kind: "succeeded", payload: message.payload });
        break;
      case "error": {
        const { error } = message;
        this.#finishInvocation(message.requestId, { kind: "failed", how: "handler-error", error });
        break;
      }
    }
  }

  #finishInvocation(requestId: string, outcome: InvocationOutcome): void {
    if (this.#state !== "busy" || requestId !== this.#requestId) return;
    if (this.#freezes) this.signal("SIGSTOP");
    this.#state = "idle";
    this.#finish(outcome);
  }

  #finish(outcome: InvocationOutcome): void {
    this.#settle?.(outcome);
    this.#settle = undefined;
  }

  #send(message: ToFunction): void {
    // A closed channel means that the process has ended, which "exit" reports.
    if (this.#child.connected) this.#child.send(message, () => {});
  }
}

function crashed(requestId: string, code: unknown, signal: unknown): InvocationOutcome {
  const how = signal === null ? `exit status ${String(code)}` : `signal: ${String(signal)}`;
  const errorMessage = `RequestId: ${requestId} Error: Runtime exited with error: ${how}`;
  return { kind: "failed", how: "crashed", error: { errorType: "Runtime.ExitError", errorMessage } };
}

function expired(requestId: string, limitMs: number): InvocationOutcome {
  const errorMessage = `RequestId: ${requestId} Error: Task timed out after ${(limitMs / 1000).toFixed(2)} seconds`;
  return { kind: "failed", how: "timed-out", error: { errorType: "Sandbox.Timedout", errorMessage } };
}
