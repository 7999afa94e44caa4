import type { Archive } from "./archive.ts";
import { chosenFiles, chosenVariables, type Supplied } from "./function-environment.ts";
import { BUNDLE_OPTIONS, FUNCTIONS, type FunctionName, RUNTIME } from "./function-settings.ts";
import { CHECK_BATCHES, CHECK_CONCURRENCY, LOG_RETENTION_DAYS } from "./limits.ts";
import type { IndexerNames } from "./names.ts";
import type { createNetwork } from "./network.ts";
import { permissionsOf } from "./permissions.ts";
import type { createQueues } from "./queues.ts";
import type { createSecrets } from "./secrets.ts";
import type { StageSettings } from "./settings.ts";

export interface FunctionParts {
  readonly names: IndexerNames;
  readonly queues: ReturnType<typeof createQueues>;
  readonly secrets: ReturnType<typeof createSecrets>;
  readonly network: ReturnType<typeof createNetwork>;
  readonly settings: StageSettings;
  readonly archive: Archive | undefined;
  /** The operator's settings for this indexer. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The three functions, the schedules of two of them, and the queue's mapping to the third. */
export function createFunctions(parts: FunctionParts) {
  const { names, settings } = parts;
  const { databaseUrl, migrationSeed } = parts.secrets;
  const { repairs, deadLetters, checks } = parts.queues;
  const concurrency = settings.SLABMEND_REPAIR_CONCURRENCY;
  const common = {
    SLABMEND_DATABASE_URL: databaseUrl.value,
    SLABMEND_INDEXER: settings.SLABMEND_INDEXER,
    SLABMEND_METRICS_NAMESPACE: names.metricsNamespace,
  };
  const repair = createFunction("repair", parts, {
    ...common,
    SLABMEND_MIGRATION_SEED: migrationSeed.value,
    SLABMEND_QUEUE_URL: repairs.url,
  });
  // Readers of messages are updated before writers: docs/decisions/0019-queue.md.
  const readers = { dependsOn: [repair.nodes.function] };
  const claim = createFunction(
    "claim",
    parts,
    {
      ...common,
      SLABMEND_QUEUE_URL: repairs.url,
      SLABMEND_CHECK_QUEUE_URL: checks?.url ?? "none",
      SLABMEND_REPAIR_CONCURRENCY: String(concurrency),
    },
    readers,
  );
  const reap = createFunction(
    "reap",
    parts,
    {
      ...common,
      SLABMEND_QUEUE_URL: repairs.url,
      SLABMEND_DEAD_LETTER_QUEUE_URL: deadLetters.url,
      SLABMEND_ARCHIVE: parts.archive?.place ?? "none",
    },
    readers,
  );

  const everyMinute = "rate(1 minute)";
  new sst.aws.CronV2(names.resource("ClaimSchedule"), { schedule: everyMinute, function: claim });
  new sst.aws.CronV2(names.resource("ReapSchedule"), { schedule: everyMinute, function: reap });
  repairs.subscribe(repair.arn, {
    batch: { size: 1, partialResponses: true },
    // The event source mapping limits the number of concurrent invocations. A reserved concurrency would throttle
    // invocations instead, and throttled invocations count as receives and would fill the dead-letter queue.
    transform: { eventSourceMapping: { scalingConfig: { maximumConcurrency: concurrency } } },
  });
  checks?.subscribe(repair.arn, {
    batch: { size: CHECK_BATCHES, partialResponses: true },
    transform: { eventSourceMapping: { scalingConfig: { maximumConcurrency: CHECK_CONCURRENCY } } },
  });
  return { claim, repair, reap };
}

function createFunction<Name extends FunctionName>(
  name: Name,
  { names, queues, network, settings, archive, environment }: FunctionParts,
  supplied: Readonly<Record<Supplied<Name>, $util.Input<string>>>,
  after: Pick<$util.CustomResourceOptions, "dependsOn"> = {},
) {
  const { handler, description, timeoutSeconds, memoryMb, copyFiles } = FUNCTIONS[name];
  const title = names.resource(`${name.charAt(0).toUpperCase()}${name.slice(1)}`);
  const logGroup = new aws.cloudwatch.LogGroup(`${title}Logs`, {
    name: names.logGroup(name),
    retentionInDays: LOG_RETENTION_DAYS,
  });
  return new sst.aws.Function(title, {
    handler,
    description,
    runtime: RUNTIME,
    architecture: settings.SLABMEND_ARCHITECTURE,
    memory: `${memoryMb} MB`,
    timeout: `${timeoutSeconds} seconds`,
    nodejs: BUNDLE_OPTIONS,
    copyFiles: [...copyFiles, ...chosenFiles($cli.paths.root, environment)],
    logging: { logGroup: logGroup.name, format: "json" },
    ...(network === undefined ? {} : { vpc: network }),
    environment: { ...chosenVariables(name, environment), ...supplied },
    permissions: permissionsOf(name, { queues, archive, logGroup, isInNetwork: network !== undefined }),
    // Lambda does not retry claim and reap: their schedule runs them again in a minute. Messages of repair are retried
    // by the queue.
    ...(name === "repair" ? {} : { retries: 0 }),
    transform: {
      function: (_args: unknown, options: $util.CustomResourceOptions) => {
        Object.assign(options, after);
        return undefined;
      },
      role: {
        // All permissions of functions are in permissions.ts.
        managedPolicyArns: [],
        // For `sst dev`, SST 4.17.1 would let every principal of the account assume the role, in all stages.
        assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "lambda.amazonaws.com" }),
      },
      eventInvokeConfig: { maximumEventAgeInSeconds: 60 },
    },
  });
}
