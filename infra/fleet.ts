import { createAlarmTopic } from "./alarm-topic.ts";
import { createAlarms } from "./alarms.ts";
import { createBudget } from "./budget.ts";
import { checkStage } from "./check-stage.ts";
import { createDashboard } from "./dashboard.ts";
import { createFunctions } from "./functions.ts";
import { logGroupName } from "./names.ts";
import { createNetwork } from "./network.ts";
import { createQueues } from "./queues.ts";
import { createSecrets } from "./secrets.ts";

/**
 * Everything that a stage consists of; returns what the operator and the command line want to know of it.
 * @throws {StageError} with every problem of the stage, before anything is registered
 */
export async function deployFleet() {
  const settings = await checkStage($app.stage, process.env);
  const secrets = createSecrets();
  const queues = createQueues();
  const functions = createFunctions({ queues, secrets, settings, network: createNetwork(settings) });
  const alarms = createAlarms({ queues, functions, topic: createAlarmTopic(settings) });
  const dashboard = createDashboard({ functions, alarms });
  createBudget(settings);
  return {
    // By the names of the command line's variables: the lines that SST prints can be pasted into .env.operator.
    SLABMEND_CLAIM_FUNCTION: functions.claim.name,
    SLABMEND_REPAIR_FUNCTION: functions.repair.name,
    SLABMEND_REAP_FUNCTION: functions.reap.name,
    SLABMEND_QUEUE_URL: queues.repairs.url,
    SLABMEND_DEAD_LETTER_QUEUE_URL: queues.deadLetters.url,
    logs: logGroupName("*"),
    dashboard: dashboard.dashboardName,
  };
}
