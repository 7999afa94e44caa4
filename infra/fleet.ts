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
    claim: functions.claim.name,
    repair: functions.repair.name,
    reap: functions.reap.name,
    repairs: queues.repairs.url,
    deadLetters: queues.deadLetters.url,
    logs: logGroupName("*"),
    dashboard: dashboard.dashboardName,
  };
}
