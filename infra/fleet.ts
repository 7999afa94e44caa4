import { createAlarmTopic } from "./alarm-topic.ts";
import { createAlarms } from "./alarms.ts";
import { createArchive } from "./archive.ts";
import { createBudget } from "./budget.ts";
import { type CheckedIndexer, checkStage } from "./check-stage.ts";
import { createDashboard } from "./dashboard.ts";
import { createFunctions } from "./functions.ts";
import { namesOf } from "./names.ts";
import { createNetwork } from "./network.ts";
import { createQueues } from "./queues.ts";
import { createSecrets } from "./secrets.ts";

interface Shared {
  readonly network: ReturnType<typeof createNetwork>;
  readonly topic: ReturnType<typeof createAlarmTopic>;
}

/**
 * Creates everything in a stage; returns the outputs for the operator and the command line. Resources of one indexer do
 * not depend on other indexers.
 * @throws {StageError} with all problems of the stage, before anything is registered
 */
export async function deployFleet() {
  const { settings, indexers } = await checkStage($app.stage, process.env);
  const shared = { network: createNetwork(settings), topic: createAlarmTopic(settings) };
  createBudget(settings);
  const outputs = indexers.map((indexer) => [indexer.name, deployIndexer(indexer, shared)] as const);
  const [first, ...others] = outputs;
  if (others.length === 0) return first![1];
  return Object.fromEntries(
    outputs.flatMap(([name, values]) =>
      Object.entries(values).map(([key, value]) => [`${name} ${key}`, value] as const),
    ),
  );
}

function deployIndexer({ name, settings, environment }: CheckedIndexer, { network, topic }: Shared) {
  const names = namesOf({ app: $app.name, stage: $app.stage, indexer: name });
  const secrets = createSecrets(names);
  const queues = createQueues(names, settings);
  const archive = createArchive(names, settings);
  const functions = createFunctions({ names, queues, secrets, settings, environment, network, archive });
  const alarms = createAlarms({ names, queues, functions, topic });
  const dashboard = createDashboard({ names, functions, alarms });
  return {
    // These outputs are named like the command line's variables, so that SST's output can be pasted into .env.operator.
    SLABMEND_CLAIM_FUNCTION: functions.claim.name,
    SLABMEND_REPAIR_FUNCTION: functions.repair.name,
    SLABMEND_REAP_FUNCTION: functions.reap.name,
    SLABMEND_QUEUE_URL: queues.repairs.url,
    SLABMEND_DEAD_LETTER_QUEUE_URL: queues.deadLetters.url,
    checks: queues.checks?.url,
    archive: archive?.place,
    logs: names.logGroup("*"),
    dashboard: dashboard.dashboardName,
  };
}
