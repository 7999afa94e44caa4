/** The demo's functions: production code with shorter times. */
import { fileURLToPath } from "node:url";
import type { QueuePair, QueueServer } from "../aws/queue-server.ts";
import type { Deployment } from "../runtime/runtime.ts";
import { CLAIM_SETTINGS, WORKER_SETTINGS } from "./functions/settings.ts";
import type { IndexdLoops } from "./play-indexd.ts";
import { WRONG_CLOCKS_VARIABLE } from "./wrong-clocks.ts";

const CLAIM_EVERY_MS = 2_000;
const REAP_EVERY_MS = 2_000;
/**
 * The time limit of a repair: longer than any repair of the demo takes, but short enough that the demo notices a hung
 * repair.
 */
const REPAIR_TIMEOUT_MS = 60_000;
/**
 * While there is a backlog, a claim adds leases until shortly before this timeout, and the next scheduled claim waits
 * until that claim has ended.
 */
const SCHEDULED_TIMEOUT_MS = 10_000;
const GRACE_SECONDS = 0;

export const MIN_HOST_DISTANCE_KM = 10;

export const INDEXD_LOOPS: IndexdLoops = {
  pinEveryMs: 3_000,
  fundEveryMs: 5_000,
  foldEveryMs: 1_000,
  publishEveryMs: 500,
};

/** AWS recommends a visibility timeout of six times the function's timeout. */
export const QUEUE_OPTIONS = {
  visibilityTimeoutSeconds: (6 * REPAIR_TIMEOUT_MS) / 1_000,
  maxReceiveCount: 5,
} as const;

/** Describes the shortened times, with those of production in parentheses. */
export function describeSettings(): string[] {
  const seconds = (ms: number): string => `${ms / 1_000} s`;
  return [
    "slabs are leased by urgency: most likely to be lost first",
    `claim every ${seconds(CLAIM_EVERY_MS)} (1 min), reap every ${seconds(REAP_EVERY_MS)} (1 min)`,
    "bad contracts and blocked hosts are repaired at once (after 6 h), a pass over all unhealthy slabs every " +
      `${seconds(CLAIM_SETTINGS.walk.everyMs)} (1 min)`,
    `lease ${seconds(WORKER_SETTINGS.leaseMs)} (2 min), heartbeat every ${seconds(WORKER_SETTINGS.heartbeatMs)} (30 s), ` +
      `function time-out ${seconds(REPAIR_TIMEOUT_MS)} (5 min)`,
    `hosts read every ${seconds(WORKER_SETTINGS.networkMaxAgeMs)} (45 s), grace for indexd ${GRACE_SECONDS} s (1 h), private addresses allowed (no)`,
    `indexd pins every ${seconds(INDEXD_LOOPS.pinEveryMs)} (2 min), funds every ` +
      `${seconds(INDEXD_LOOPS.fundEveryMs)} (2 min), folds statistics every ${seconds(INDEXD_LOOPS.foldEveryMs)} (5 s), ` +
      `publishes events every ${seconds(INDEXD_LOOPS.publishEveryMs)} (2 s at most)`,
  ];
}

export function deploymentOf(parts: {
  readonly workers: number;
  readonly databaseUrl: string;
  readonly migrationSeed: Uint8Array;
  readonly queueServer: QueueServer;
  readonly queues: QueuePair;
  /** The folder with the wrong clocks of wrong-clocks.ts; undefined: every clock is right. */
  readonly wrongClocks?: string;
  /** Directory of the journal's archive. */
  readonly archive?: string | undefined;
}): Pick<Deployment, "functions" | "schedules" | "consumer"> {
  const { workers, queues } = parts;
  const environment = {
    SLABMEND_DATABASE_URL: parts.databaseUrl,
    SLABMEND_MIGRATION_SEED: Buffer.from(parts.migrationSeed).toString("hex"),
    SLABMEND_QUEUE_URL: queues.repairs.url,
    SLABMEND_DEAD_LETTER_QUEUE_URL: queues.deadLetters.url,
    SLABMEND_REPAIR_CONCURRENCY: String(workers),
    SLABMEND_INDEXD_GRACE_SECONDS: String(GRACE_SECONDS),
    SLABMEND_BAD_CONTRACT_GRACE_SECONDS: "0",
    SLABMEND_BAD_HOST_GRACE_SECONDS: "0",
    SLABMEND_MIN_HOST_DISTANCE_KM: String(MIN_HOST_DISTANCE_KM),
    SLABMEND_ALLOW_PRIVATE_ADDRESSES: "true",
    SLABMEND_LOG_LEVEL: "error",
    AWS_ENDPOINT_URL_SQS: parts.queueServer.url,
    ...(parts.archive === undefined ? {} : { SLABMEND_ARCHIVE: parts.archive }),
  };
  const scheduled = { timeoutMs: SCHEDULED_TIMEOUT_MS, maxConcurrency: 1, environment };
  return {
    functions: [
      { name: "claim", entry: entryOf("./functions/claim.ts"), ...scheduled },
      { name: "reap", entry: entryOf("../../functions/reap.ts"), ...scheduled },
      {
        name: "repair",
        entry: entryOf("./functions/repair.ts"),
        timeoutMs: REPAIR_TIMEOUT_MS,
        maxConcurrency: workers,
        environment: {
          ...environment,
          ...(parts.wrongClocks === undefined ? {} : { [WRONG_CLOCKS_VARIABLE]: parts.wrongClocks }),
        },
      },
    ],
    schedules: [
      { functionName: "claim", everyMs: CLAIM_EVERY_MS, firstAfterMs: 0 },
      { functionName: "reap", everyMs: REAP_EVERY_MS },
    ],
    consumer: { functionName: "repair", maximumConcurrency: workers },
  };
}

function entryOf(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}
