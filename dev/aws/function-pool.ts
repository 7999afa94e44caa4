/**
 * The execution environments of one function. The pool reuses idle environments, starts new ones up to the limit, and
 * queues Event invocations while no environment is free.
 */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { LocalRuntimeError } from "../process/errors.ts";
import {
  type EnvironmentDependencies,
  ExecutionEnvironment,
  type InvocationOutcome,
} from "./execution-environment.ts";
import { assertFunctionDefinition, type FunctionDefinition } from "./function-definition.ts";

export interface Invocation {
  readonly functionName: string;
  readonly requestId: string;
  readonly pid: number;
  readonly payload: string;
  readonly startedAtMs: number;
}

export interface FunctionPoolEvents {
  /** A process has been given an invocation. */
  started: [Invocation];
  /** The invocation has ended; after a crash or a timeout its process has ended too. */
  ended: [Invocation, InvocationOutcome];
  /** An Event invocation was dropped, because it exceeded its maximum age or its number of retries. */
  dropped: [{ readonly requestId: string; readonly why: "too-old" | "failed" }];
}

export type PoolOutcome = InvocationOutcome | { readonly kind: "throttled" };

interface QueuedEvent {
  readonly requestId: string;
  readonly payload: string;
  readonly queuedAtMs: number;
  failures: number;
}

/** The most events that may wait in the queue; each has at most 256 KiB. */
const MAX_QUEUED_EVENTS = 100;
const DEFAULT_MAX_EVENT_AGE_MS = 60_000;

export class FunctionPool extends EventEmitter<FunctionPoolEvents> {
  readonly definition: FunctionDefinition;
  readonly #dependencies: EnvironmentDependencies;
  readonly #environments = new Set<ExecutionEnvironment>();
  readonly #invocations = new Map<ExecutionEnvironment, Invocation>();
  /**
   * The idle environments, in the order of their last use. Like Lambda, the pool takes the environment that was used
   * last, so that the other environments can expire.
   */
  readonly #idle: ExecutionEnvironment[] = [];
  readonly #events: QueuedEvent[] = [];
  #stopped = false;

  constructor(definition: FunctionDefinition, dependencies: EnvironmentDependencies) {
    super();
    assertFunctionDefinition(definition);
    this.definition = definition;
    this.#dependencies = dependencies;
  }

  /** Invocations that are running now. */
  get busy(): readonly Invocation[] {
    return [...this.#invocations.values()];
  }

  /** The processes of all environments: starting, idle or busy. */
  get pids(): readonly number[] {
    return [...this.#environments].map((environment) => environment.pid);
  }

  /**
   * Runs the function, and waits for its outcome. `onStarted` is called when a process has been given the invocation.
   */
  async invoke(
    payload: string,
    options: { requestId?: string; onStarted?: (invocation: Invocation) => void } = {},
  ): Promise<PoolOutcome> {
    if (this.#stopped) throw stopped(this.definition.name);
    const environment = this.#takeIdle() ?? this.#startEnvironment();
    if (environment === undefined) return { kind: "throttled" };
    const requestId = options.requestId ?? randomUUID();
    const outcome = await this.#run(environment, { requestId, payload }, options.onStarted);
    if (environment.isIdle && !this.#stopped) this.#idle.push(environment);
    this.#pump();
    return outcome;
  }

  /** Queues an Event invocation. Returns false if the queue is full. */
  enqueue(payload: string, requestId: string = randomUUID()): boolean {
    if (this.#stopped) throw stopped(this.definition.name);
    if (this.#events.length >= MAX_QUEUED_EVENTS) return false;
    this.#events.push({ requestId, payload, queuedAtMs: Date.now(), failures: 0 });
    this.#pump();
    return true;
  }

  /** Sends a signal to a process of this pool, busy or not. Returns false if the pool has no process with this pid. */
  signal(pid: number, signal: NodeJS.Signals): boolean {
    for (const environment of this.#environments) {
      if (environment.pid === pid) return environment.signal(signal);
    }
    return false;
  }

  /** Kills all processes, even busy ones, and waits until they have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#events.length = 0;
    this.#idle.length = 0;
    await Promise.all([...this.#environments].map((environment) => environment.destroy()));
  }

  #takeIdle(): ExecutionEnvironment | undefined {
    for (;;) {
      const environment = this.#idle.pop();
      if (environment === undefined || environment.isIdle) return environment;
    }
  }

  #startEnvironment(): ExecutionEnvironment | undefined {
    if (this.#environments.size >= this.definition.maxConcurrency) return undefined;
    const environment = new ExecutionEnvironment(this.definition, this.#dependencies);
    this.#environments.add(environment);
    void environment.ended.then(() => {
      this.#environments.delete(environment);
      const at = this.#idle.indexOf(environment);
      if (at !== -1) this.#idle.splice(at, 1);
      this.#pump();
    });
    return environment;
  }

  async #run(
    environment: ExecutionEnvironment,
    request: { requestId: string; payload: string },
    onStarted: ((invocation: Invocation) => void) | undefined,
  ): Promise<InvocationOutcome> {
    const notInitialized = await environment.initialize();
    if (notInitialized !== undefined) {
      await environment.destroy();
      return notInitialized;
    }
    const { name: functionName } = this.definition;
    const invocation = { functionName, ...request, pid: environment.pid, startedAtMs: Date.now() };
    this.#invocations.set(environment, invocation);
    const running = environment.invoke(request.requestId, request.payload);
    onStarted?.(invocation);
    this.emit("started", invocation);
    const outcome = await running;
    this.#invocations.delete(environment);
    this.emit("ended", invocation, outcome);
    return outcome;
  }

  /** Gives queued events to free environments. */
  #pump(): void {
    while (!this.#stopped && this.#events.length > 0) {
      const event = this.#events[0]!;
      if (Date.now() - event.queuedAtMs > (this.definition.maxEventAgeMs ?? DEFAULT_MAX_EVENT_AGE_MS)) {
        this.#events.shift();
        this.emit("dropped", { requestId: event.requestId, why: "too-old" });
        continue;
      }
      if (this.#idle.length === 0 && this.#environments.size >= this.definition.maxConcurrency) return;
      this.#events.shift();
      void this.#serve(event);
    }
  }

  async #serve(event: QueuedEvent): Promise<void> {
    const outcome = await this.invoke(event.payload, { requestId: event.requestId });
    if (outcome.kind === "succeeded" || this.#stopped) return;
    if (outcome.kind === "failed") event.failures += 1;
    if (event.failures > (this.definition.maxEventRetries ?? 0)) {
      this.emit("dropped", { requestId: event.requestId, why: "failed" });
      return;
    }
    this.#events.push(event);
    this.#pump();
  }
}

function stopped(name: string): LocalRuntimeError {
  return new LocalRuntimeError({
    code: "runtime-stopped",
    message: `function ${name} was invoked after the runtime had been stopped`,
    remedy: "Stop what invokes first.",
  });
}
