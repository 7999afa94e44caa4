import { ALARMS, type AlarmDefinition, type AlarmMetric } from "./alarm-definitions.ts";
import type { createAlarmTopic } from "./alarm-topic.ts";
import type { createFunctions } from "./functions.ts";
import type { IndexerNames } from "./names.ts";
import type { createQueues } from "./queues.ts";

interface Watched {
  readonly names: IndexerNames;
  readonly queues: ReturnType<typeof createQueues>;
  readonly functions: ReturnType<typeof createFunctions>;
  readonly topic: ReturnType<typeof createAlarmTopic>;
}

/** One CloudWatch alarm per definition; the alarm notifies the topic when it fires and when it ends. */
export function createAlarms(watched: Watched) {
  return Object.entries(ALARMS).map(([name, alarm]) => createAlarm(name, alarm, watched));
}

function createAlarm(name: string, alarm: AlarmDefinition, watched: Watched) {
  const hasExpression = alarm.expression !== undefined;
  const metricQueries = Object.entries(alarm.metrics).map(([id, metric]) => ({
    id,
    metric: { ...source(metric, watched), stat: metric.statistic, period: alarm.periodSeconds },
    returnData: !hasExpression,
  }));
  return new aws.cloudwatch.MetricAlarm(watched.names.resource(`Alarm${withCapitals(name)}`), {
    name: watched.names.shown(name),
    alarmDescription: `${alarm.means} What to do: docs/runbook.md#${name}`,
    comparisonOperator: alarm.breaches,
    threshold: alarm.threshold,
    evaluationPeriods: alarm.periods,
    datapointsToAlarm: alarm.breachingPeriods,
    treatMissingData: alarm.missing,
    metricQueries: hasExpression
      ? [...metricQueries, { id: "watched", expression: alarm.expression, label: name, returnData: true }]
      : metricQueries,
    alarmActions: [watched.topic.arn],
    okActions: [watched.topic.arn],
  });
}

function source(metric: AlarmMetric, { names, queues, functions }: Watched) {
  switch (metric.of) {
    case "fleet":
      return {
        namespace: names.metricsNamespace,
        metricName: metric.name,
        dimensions: { service: metric.service },
      };
    case "repairs":
    case "deadLetters":
      return {
        namespace: "AWS/SQS",
        metricName: metric.name,
        dimensions: { QueueName: queues[metric.of].nodes.queue.name },
      };
    default:
      return {
        namespace: "AWS/Lambda",
        metricName: metric.name,
        dimensions: { FunctionName: functions[metric.of].name },
      };
  }
}

/** "dead-letters" as "DeadLetters". */
function withCapitals(name: string): string {
  return name.replace(/(^|-)(.)/g, (_all, _dash, letter: string) => letter.toUpperCase());
}
