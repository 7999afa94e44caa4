/**
 * The functions in their own processes, with real hosts, a real database and a real queue. One function is killed or
 * stopped at a named step, then ordinary runs finish its work.
 */

import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import {
  DeleteMessageCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";
import { type QueuePair, type QueueServer, startQueueServer } from "../../dev/aws/queue-server.ts";
import { checkRules } from "../../dev/demo/check-rules.ts";
import { encodeRepairMessage } from "../../lib/queue/repair-message.ts";
import type { LeasedSlab } from "../../lib/slab/leased-slab.ts";
import { createRepairWorld, type RepairWorld, type StoredSlab } from "./repair-world.ts";
import { type ClaimTestSettings, SETTINGS_VARIABLE } from "./settings-from-environment.ts";
import { startWorkerProcess, type WorkerOptions, type WorkerProcess } from "./worker-process.ts";

export type FunctionName = "claim" | "repair" | "reap";

export interface KillWorld {
  readonly world: RepairWorld;
  readonly queueServer: QueueServer;
  readonly queues: QueuePair;
  readonly client: SQSClient;
  /**
   * A process of a function, killed or stopped at the step in `signalAt`. The process ends when the world stops, if not
   * before.
   */
  startVictim(
    name: FunctionName,
    signalAt?: NonNullable<WorkerOptions["signalAt"]>,
    variables?: Readonly<Record<string, string>>,
    /** Default 60 s. */
    timeoutMs?: number,
  ): Promise<WorkerProcess>;
  /** One ordinary run. Throws when it fails. */
  run(name: "claim" | "reap"): Promise<void>;
  /** Runs repair on the messages of the queue until the queue is empty. */
  drainQueue(): Promise<void>;
  /** The output of all processes so far. */
  lines(): string[];
  /** An SQS event with one message for each of these leases. */
  eventOf(...tasks: readonly LeasedSlab[]): unknown;
  /**
   * Simulates in the database that hours have passed: leases expire, unsent leases are overdue, and held slabs may be
   * attempted again.
   */
  hoursPass(): Promise<void>;
  /**
   * Simulates time and runs reap, claim and repair like their schedules, until no work is left.
   * @returns the outcomes of the repairs
   */
  finish(): Promise<string[]>;
  /** Violations of the database's rules; and these slabs' sectors that are wrong, share a host or are still to move. */
  violations(slabs: readonly StoredSlab[]): Promise<unknown[]>;
  /**
   * Resets hosts and clears history, so that the crashes of one test do not open the circuit breaker in the next test.
   */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

const MOST_ROUNDS = 6;
/** After this many batches, of at most ten messages each, the queue must be empty; tests need far fewer. */
const MOST_BATCHES = 20;

const ENTRIES: Readonly<Record<FunctionName, URL>> = {
  claim: new URL("../kill/fixtures/claim-function.ts", import.meta.url),
  repair: new URL("../kill/fixtures/repair-function.ts", import.meta.url),
  reap: new URL("../kill/fixtures/reap-function.ts", import.meta.url),
};

export async function createKillWorld(options: {
  readonly hosts: number;
  /** Settings for claim in its processes. */
  readonly settings?: ClaimTestSettings;
}): Promise<KillWorld> {
  const world = await createRepairWorld(options);
  const queueServer = await startQueueServer();
  const queues = await queueServer.createQueues({ visibilityTimeoutSeconds: 60, maxReceiveCount: 5 });
  const client = queueServer.createClient();
  const { sql } = world.database;
  const environment = {
    ...world.variables,
    AWS_ENDPOINT_URL_SQS: queueServer.url,
    SLABMEND_QUEUE_URL: queues.repairs.url,
    SLABMEND_DEAD_LETTER_QUEUE_URL: queues.deadLetters.url,
    SLABMEND_INDEXD_GRACE_SECONDS: "0",
    SLABMEND_BAD_CONTRACT_GRACE_SECONDS: "0",
    SLABMEND_BAD_HOST_GRACE_SECONDS: "0",
    [SETTINGS_VARIABLE]: JSON.stringify(options.settings ?? {}),
    // Lines of all levels are logged, so that all are searched for secrets (test/canary).
    SLABMEND_LOG_LEVEL: "trace",
  };
  const workers: WorkerProcess[] = [];
  const victims: WorkerProcess[] = [];
  const start = (
    name: FunctionName,
    signalAt?: NonNullable<WorkerOptions["signalAt"]>,
    variables: Readonly<Record<string, string>> = {},
    timeoutMs?: number,
  ): Promise<WorkerProcess> =>
    startWorkerProcess({
      entry: fileURLToPath(ENTRIES[name]),
      environment: { ...environment, ...variables },
      ...(signalAt === undefined ? {} : { signalAt }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  /** The processes that finish the work: one for each function, started once and never killed. */
  const finishers = new Map<FunctionName, WorkerProcess>();
  const run = async (name: FunctionName, event: unknown): Promise<unknown> => {
    const worker = finishers.get(name) ?? (await start(name));
    if (!finishers.has(name)) workers.push(worker);
    finishers.set(name, worker);
    const outcome = await worker.invoke(event);
    if (outcome.kind !== "succeeded") throw new Error(`${name}: ${JSON.stringify(outcome)}`);
    return JSON.parse(outcome.payload);
  };

  const recordOf = (messageId: string, body: string) => ({ messageId, body, attributes: {} });
  const drainQueue = async (): Promise<void> => {
    for (let batches = 0; ; batches += 1) {
      if (batches > MOST_BATCHES) throw new Error(`the queue is not empty after ${batches} batches`);
      const { Messages: messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl: queues.repairs.url, MaxNumberOfMessages: 10 }),
      );
      if (messages.length === 0) return;
      const event = { Records: messages.map(({ MessageId, Body }) => recordOf(MessageId!, Body!)) };
      const { batchItemFailures } = (await run("repair", event)) as { batchItemFailures: unknown[] };
      if (batchItemFailures.length > 0) throw new Error("a message failed");
      for (const { ReceiptHandle } of messages) {
        await client.send(new DeleteMessageCommand({ QueueUrl: queues.repairs.url, ReceiptHandle }));
      }
    }
  };

  const hoursPass = async (): Promise<void> => {
    await sql.begin(async (tx) => {
      await tx`update slabs set next_repair_attempt = next_repair_attempt - interval '30 hours'`;
      await tx`update slabmend.leases set held_until = held_until - interval '30 hours',
        expires_at = expires_at - interval '30 hours', sending_since = sending_since - interval '30 hours'`;
      await tx`update slabmend.repairs set next_repair_attempt = next_repair_attempt - interval '30 hours',
        quarantined_until = quarantined_until - interval '30 hours'`;
    });
  };

  return {
    world,
    queueServer,
    queues,
    client,
    async startVictim(name, signalAt, variables, timeoutMs) {
      const victim = await start(name, signalAt, variables, timeoutMs);
      victims.push(victim);
      return victim;
    },
    async run(name) {
      await run(name, {});
    },
    drainQueue,
    lines: () => [...workers, ...victims].flatMap((worker) => worker.lines.map(({ line }) => line)),
    eventOf: (...tasks) => ({
      Records: tasks.map((task) => recordOf(randomUUID(), encodeRepairMessage(task, "default"))),
    }),
    hoursPass,
    async finish() {
      const [{ last } = { last: "0" }] = await sql<{ last: string }[]>`
        select coalesce(max(id), 0)::text as last from slabmend.journal`;
      for (let round = 0; round < MOST_ROUNDS; round += 1) {
        await hoursPass();
        await run("reap", {});
        await run("claim", {});
        await drainQueue();
        const [left] = await sql<{ leases: boolean; untold: boolean; bad: boolean }[]>`
          select exists (select from slabmend.leases) as leases, exists (select from slabmend.moved) as untold,
            exists (select from slabmend.sectors_to_move((select array_agg(id) from slabs))) as bad`;
        if (left?.leases === false && !left.untold && !left.bad) break;
      }
      const rows = await sql<{ outcome: string }[]>`
        select outcome from slabmend.journal where id > ${last} order by id`;
      return rows.map(({ outcome }) => outcome);
    },
    async violations(slabs) {
      const found: unknown[] = await checkRules(sql, { settled: true });
      for (const slab of slabs) {
        const wrong = await world.wrongSectors(slab);
        if (wrong.length > 0) found.push({ slab: String(slab.id), wrong });
        const hosts = new Set(await world.locations(slab));
        if (hosts.size !== slab.sectors.length) found.push({ slab: String(slab.id), hosts: hosts.size });
      }
      const moving = await sql`
        select m.* from slabmend.sectors_to_move((select array_agg(id) from slabs)) m
        where m.slab_id in ${sql(slabs.map(({ id }) => String(id)))}`;
      if (moving.length > 0) found.push({ stillToMove: moving.length });
      return found;
    },
    async reset() {
      await world.heal();
      await sql`delete from slabmend.leases`;
      await sql`delete from slabmend.repairs`;
      await sql`delete from slabmend.journal`;
      await sql`delete from slabmend.followers`;
      await sql`delete from slabmend.dead_letters`;
      await sql`update slabmend.fleet set breaker_open = false, backoff_ms = 0, backoff_from = null, backoff_until = null`;
      for (const { url } of [queues.repairs, queues.deadLetters]) {
        await client.send(new PurgeQueueCommand({ QueueUrl: url }));
      }
      await Promise.all(victims.map((victim) => victim.stop()));
    },
    async stop() {
      await Promise.all([...workers, ...victims].map((worker) => worker.stop()));
      client.destroy();
      await queueServer.stop();
      await world.stop();
    },
  };
}

/** Sends an unreadable message to the dead letters. */
export async function sendDeadLetter(kill: KillWorld, body: string): Promise<void> {
  await kill.client.send(
    new SendMessageCommand({ QueueUrl: kill.queues.deadLetters.url, MessageBody: body }),
  );
}
