import {
  CLAIM_TIMEOUT_SECONDS,
  REAP_TIMEOUT_SECONDS,
  REPAIR_CONCURRENCY,
  REPAIR_TIMEOUT_SECONDS,
} from "./limits.ts";
import type { createQueues } from "./queues.ts";
import type { createSecrets } from "./secrets.ts";

type Queues = ReturnType<typeof createQueues>;
type Secrets = ReturnType<typeof createSecrets>;

const common = {
  runtime: "nodejs24.x",
  architecture: "x86_64",
  logging: { retention: "1 month", format: "json" },
} as const;

/** The three functions, the schedules of two and the queue subscription of the third. */
export function createFunctions({ repairs, deadLetters }: Queues, { databaseUrl, migrationSeed }: Secrets) {
  const claim = new sst.aws.CronV2("Claim", {
    schedule: "rate(1 minute)",
    function: {
      ...common,
      handler: "functions/claim.handler",
      memory: "512 MB",
      timeout: `${CLAIM_TIMEOUT_SECONDS} seconds`,
      environment: {
        SLABMEND_DATABASE_URL: databaseUrl.value,
        SLABMEND_QUEUE_URL: repairs.url,
        SLABMEND_MAX_IN_FLIGHT: String(2 * REPAIR_CONCURRENCY),
      },
      permissions: [{ actions: ["sqs:SendMessage"], resources: [repairs.arn] }],
    },
  });
  const reap = new sst.aws.CronV2("Reap", {
    schedule: "rate(1 minute)",
    function: {
      ...common,
      handler: "functions/reap.handler",
      memory: "512 MB",
      timeout: `${REAP_TIMEOUT_SECONDS} seconds`,
      environment: {
        SLABMEND_DATABASE_URL: databaseUrl.value,
        SLABMEND_QUEUE_URL: repairs.url,
        SLABMEND_DEAD_LETTER_QUEUE_URL: deadLetters.url,
      },
      permissions: [
        { actions: ["sqs:SendMessage"], resources: [repairs.arn] },
        { actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage"], resources: [deadLetters.arn] },
      ],
    },
  });
  const repair = repairs.subscribe(
    {
      ...common,
      handler: "functions/repair.handler",
      // One whole vCPU: a repair is bound by hashing and by the network.
      memory: "1769 MB",
      timeout: `${REPAIR_TIMEOUT_SECONDS} seconds`,
      copyFiles: [{ from: "lib/kernel/kernel.wasm", to: "kernel.wasm" }],
      environment: {
        SLABMEND_DATABASE_URL: databaseUrl.value,
        SLABMEND_MIGRATION_SEED: migrationSeed.value,
      },
    },
    {
      batch: { size: 1, partialResponses: true },
      // On the mapping, not as reserved concurrency: throttled invocations would count as receives and feed the
      // dead-letter queue.
      transform: { eventSourceMapping: { scalingConfig: { maximumConcurrency: REPAIR_CONCURRENCY } } },
    },
  );
  return { claim, reap, repair };
}
