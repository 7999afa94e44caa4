/**
 * The local runtime replaces AWS, indexd's database server and the hosts by substitutes that run in one process and its
 * children.
 *
 *   startLocalRuntime: PostgreSQL, queues, hosts      deploy: functions, event-source mapping, scheduler
 *
 * `stop` ends these parts in reverse order. It may be called at any time and repeatedly; if one part fails to stop, it
 * still stops the others.
 */
import { rm } from "node:fs/promises";
import { type EventSourceMapping, startEventSourceMapping } from "../aws/event-source-mapping.ts";
import type { FunctionLine } from "../aws/execution-environment.ts";
import type { FunctionDefinition } from "../aws/function-definition.ts";
import { FunctionPool } from "../aws/function-pool.ts";
import {
  type QueueOptions,
  type QueuePair,
  type QueueServer,
  startQueueServer,
} from "../aws/queue-server.ts";
import { type Schedule, startScheduler } from "../aws/scheduler.ts";
import { type PostgresOptions, type PostgresServer, startPostgres } from "../postgres/postgres.ts";
import { LocalRuntimeError } from "../process/errors.ts";
import { type ParentGuard, startParentGuard } from "../process/parent-guard.ts";
import { createRunFolder } from "../process/run-folder.ts";

interface Stoppable {
  stop(): Promise<void>;
}

export interface LocalRuntimeOptions<Swarm extends Stoppable> {
  readonly postgres?: PostgresOptions;
  readonly queue: QueueOptions;
  /** Starts the hosts with their data in `folder`, which is removed at the end, even if this process is killed. */
  readonly startSwarm: (folder: string) => Promise<Swarm>;
  /** Cancels the start of the runtime. Once the runtime has started, use `stop()`. */
  readonly signal?: AbortSignal;
}

export interface Deployment {
  readonly functions: readonly FunctionDefinition[];
  readonly schedules: readonly Schedule[];
  /** The function that consumes the repair queue. */
  readonly consumer: {
    readonly functionName: string;
    readonly maximumConcurrency: number;
    readonly batchSize?: number;
  };
  /** Receives every line that a function prints. */
  readonly onLine?: (line: FunctionLine) => void;
  /** Called if a scheduled call is refused or dropped, or if the queue does not answer. */
  readonly onProblem?: (problem: string) => void;
}

interface DeployedFunctions extends Stoppable {
  readonly pools: ReadonlyMap<string, FunctionPool>;
  /** Lists the busy workers, and sends signals to them. */
  readonly mapping: EventSourceMapping;
}

export interface LocalRuntime<Swarm extends Stoppable> extends Stoppable {
  readonly postgres: PostgresServer;
  readonly queueServer: QueueServer;
  readonly queues: QueuePair;
  readonly swarm: Swarm;
  /**
   * Starts the functions, the event-source mapping and the schedules. Stop a deployment before you start the next one.
   */
  deploy(deployment: Deployment): Promise<DeployedFunctions>;
}

export async function startLocalRuntime<Swarm extends Stoppable>(
  options: LocalRuntimeOptions<Swarm>,
): Promise<LocalRuntime<Swarm>> {
  const { signal } = options;
  // The stack disposes of each part once, in reverse order, and collects their failures.
  const stack = new AsyncDisposableStack();
  try {
    const guard = await startParentGuard();
    stack.defer(() => guard.release());
    signal?.throwIfAborted();
    const postgres = await startPostgres(options.postgres);
    stack.defer(() => postgres.stop());
    signal?.throwIfAborted();
    const queueServer = await startQueueServer();
    stack.defer(() => queueServer.stop());
    const queues = await queueServer.createQueues(options.queue);
    const folder = await createRunFolder();
    guard.removeFolder(folder);
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    signal?.throwIfAborted();
    const swarm = await options.startSwarm(folder);
    stack.defer(() => swarm.stop());
    signal?.throwIfAborted();
    let stopping: Promise<void> | undefined;
    return {
      postgres,
      queueServer,
      queues,
      swarm,
      async deploy(deployment) {
        if (stopping !== undefined) throw alreadyStopped();
        const deployed = await deploy(deployment, { guard, queueServer, queues });
        stack.defer(() => deployed.stop());
        return deployed;
      },
      stop() {
        stopping ??= stack.disposeAsync();
        return stopping;
      },
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

async function deploy(
  deployment: Deployment,
  infrastructure: { guard: ParentGuard; queueServer: QueueServer; queues: QueuePair },
): Promise<DeployedFunctions> {
  const { guard, queueServer, queues } = infrastructure;
  const { consumer, onLine = () => {}, onProblem = () => {} } = deployment;
  const stack = new AsyncDisposableStack();
  try {
    const pools = new Map<string, FunctionPool>();
    for (const definition of deployment.functions) {
      const pool = new FunctionPool(definition, { guard, onLine });
      pool.on("dropped", ({ why }) => onProblem(`${definition.name}: an event was dropped: ${why}`));
      stack.defer(() => pool.stop());
      pools.set(definition.name, pool);
    }
    const pool = pools.get(consumer.functionName);
    const unknown = [consumer, ...deployment.schedules].find(({ functionName }) => !pools.has(functionName));
    if (pool === undefined || unknown !== undefined) throw unknownFunction(unknown?.functionName ?? "");

    const client = queueServer.createClient();
    stack.defer(() => client.destroy());
    const mapping = startEventSourceMapping({ client, queue: queues.repairs, pool, ...consumer });
    mapping.on("failed", (error) => onProblem(`queue: ${error.message}`));
    stack.defer(() => mapping.stop());
    const scheduler = startScheduler({
      invoke: (functionName, event) => {
        if (!pools.get(functionName)!.enqueue(event)) throw new Error("its queue of events is full");
      },
      schedules: deployment.schedules,
      onError: (functionName, error) => onProblem(`${functionName}: ${String(error)}`),
    });
    stack.defer(() => scheduler.stop());
    let stopping: Promise<void> | undefined;
    return {
      pools,
      mapping,
      stop() {
        stopping ??= stack.disposeAsync();
        return stopping;
      },
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function alreadyStopped(): LocalRuntimeError {
  return new LocalRuntimeError({
    code: "runtime-stopped",
    message: "deploy was called after the runtime had been stopped",
    remedy: "Start a new runtime.",
  });
}

function unknownFunction(name: string): LocalRuntimeError {
  return new LocalRuntimeError({
    code: "invalid-option",
    message: `deployment: the consumer or a schedule names ${JSON.stringify(name)}, which is not one of its functions`,
    remedy: "Correct the name.",
  });
}
