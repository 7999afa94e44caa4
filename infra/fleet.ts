import { createAlarmTopic } from "./alarm-topic.ts";
import { createAlarms } from "./alarms.ts";
import { createArchive } from "./archive.ts";
import { createBudget } from "./budget.ts";
import { checkStage } from "./check-stage.ts";
import { createDashboard } from "./dashboard.ts";
import { createFunctions } from "./functions.ts";
import { namesOf } from "./names.ts";
import { createNetwork } from "./network.ts";
import { createQueues } from "./queues.ts";
import { createSecrets } from "./secrets.ts";

/**
 * Everything that a stage consists of; returns what the operator and the command line want to know of it.
 * @throws {StageError} with every problem of the stage, before anything is registered
 */
export async function deployFleet() {
  const settings = await checkStage($app.stage, process.env);
  const names = namesOf({
    app: $app.name,
    stage: $app.stage,
    indexer: settings.SLABMEND_INDEXER,
  });
  const secrets = createSecrets(names);
  const queues = createQueues(names);
  const archive = createArchive(names, settings);
  const network = createNetwork(settings);
  const functions = createFunctions({ names, queues, secrets, settings, network, archive });
  const alarms = createAlarms({ names, queues, functions, topic: createAlarmTopic(names, settings) });
  const dashboard = createDashboard({ names, functions, alarms });
  createBudget(names, settings);
  return {
    // By the names of the command line's variables: the lines that SST prints can be pasted into .env.operator.
    SLABMEND_CLAIM_FUNCTION: functions.claim.name,
    SLABMEND_REPAIR_FUNCTION: functions.repair.name,
    SLABMEND_REAP_FUNCTION: functions.reap.name,
    SLABMEND_QUEUE_URL: queues.repairs.url,
    SLABMEND_DEAD_LETTER_QUEUE_URL: queues.deadLetters.url,
    archive: archive?.place,
    logs: names.logGroup("*"),
    dashboard: dashboard.dashboardName,
  };
}
