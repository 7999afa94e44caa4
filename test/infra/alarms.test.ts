import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import { ALARMS, type AlarmDefinition } from "../../infra/alarm-definitions.ts";
import * as limits from "../../infra/limits.ts";
import { returnDelaySeconds } from "../../lib/queue/return-delay.ts";
import { METRICS } from "../../lib/telemetry/metric-names.ts";
import { ENVIRONMENT, evaluate } from "./support/evaluate.ts";
import { type Graph, graphOf, ofType, one } from "./support/read-graph.ts";

interface Query {
  readonly id: string;
  readonly expression?: string;
  readonly metric?: {
    namespace: string;
    metricName: string;
    dimensions: Record<string, string>;
    period: number;
  };
  readonly returnData: boolean;
}

let graph: Graph;
beforeAll(async () => {
  graph = graphOf(await evaluate());
});

const definitions = Object.entries(ALARMS) as [string, AlarmDefinition][];

describe.each(definitions)("%s", (name, definition) => {
  const alarm = () => {
    const found = ofType(graph, "cloudwatch/metricAlarm:MetricAlarm").find(
      ({ inputs }) => inputs["name"] === `slabmend-production-default-${name}`,
    );
    return found?.inputs ?? {};
  };

  test("the alarm notifies the topic and names its section of the runbook", () => {
    const topic = ["arn:aws:sns:eu-central-1:123456789012:Alarms"];
    expect(alarm()).toMatchObject({
      alarmActions: topic,
      okActions: topic,
      alarmDescription: expect.stringContaining(`docs/runbook.md#${name}`),
    });
  });

  test("the alarm's numbers are valid for CloudWatch", () => {
    const { periods, breachingPeriods, periodSeconds } = definition;
    expect(breachingPeriods).toBeLessThanOrEqual(periods);
    // CloudWatch's limit: all periods of an alarm together cover at most one day.
    expect(periods * periodSeconds).toBeLessThanOrEqual(86_400);
    expect(String(alarm()["alarmDescription"]).length).toBeLessThanOrEqual(1_024);
    expect(alarm()).toMatchObject({ evaluationPeriods: periods, datapointsToAlarm: breachingPeriods });
  });

  test("the alarm watches exactly one value, computed from existing metrics", () => {
    const queries = alarm()["metricQueries"] as Query[];
    expect(queries.filter(({ returnData }) => returnData)).toHaveLength(1);
    for (const { metric } of queries) {
      if (metric === undefined) continue;
      if (metric.namespace !== "slabmend/production/default")
        expect(metric.namespace).toMatch(/^AWS\/(SQS|Lambda)$/);
      else expect(Object.keys(METRICS)).toContain(metric.metricName);
      expect(Object.values(metric.dimensions)).not.toContain(undefined);
    }
    const ids = queries.filter(({ metric }) => metric !== undefined).map(({ id }) => id);
    for (const { expression } of queries) {
      // In an expression, lower-case words are ids of metrics, and upper-case words are functions.
      for (const word of expression?.match(/\b[a-z]+\b/g) ?? []) expect(ids).toContain(word);
    }
  });
});

/**
 * Computes an alarm's value from the values of its metrics: `now` in this period, `before` in the previous period. DIFF
 * is the difference between the two.
 */
function alarmValue(
  { metrics, expression = Object.keys(metrics)[0]! }: AlarmDefinition,
  now: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): number {
  const names = Object.keys(metrics);
  const program = expression.replace(/DIFF\((\w+)\)/g, "($1 - before.$1)");
  const choose = (condition: boolean, yes: number, no: number): number => (condition ? yes : no);
  return new Function("IF", "before", ...names, `return ${program}`)(
    choose,
    before,
    ...names.map((name) => now[name]),
  ) as number;
}

const { REPAIR_TIMEOUT_SECONDS: timeout, VISIBILITY_TIMEOUT_SECONDS: visibility } = limits;
/** The longest time, in seconds, that a message can wait between its first and its fifth receive (four waits). */
const allReturns = [1, 2, 3, 4].reduce((sum, receives) => sum + returnDelaySeconds(receives, 1), 0);

test.each<[keyof typeof ALARMS, string, Record<string, number>, boolean, Record<string, number>?]>([
  ["repairs-not-taken", "one crashed and is dropped when seen again", { age: visibility + timeout }, false],
  ["repairs-not-taken", "one failed five times", { age: allReturns + 5 * timeout }, false],
  ["repairs-not-taken", "one lies there until its lease ends", { age: 3_600 }, true],
  ["data-at-risk", "none", { slabs: 0 }, false],
  ["data-at-risk", "one", { slabs: 1 }, true],
  ["leases-expiring", "as many as end", { crashed: 2, freed: 1, ended: 3 }, false],
  ["leases-expiring", "crashed", { crashed: 4, freed: 0, ended: 3 }, true],
  ["leases-expiring", "never begun", { crashed: 0, freed: 4, ended: 3 }, true],
  ["leases-expiring", "nothing goes on", { crashed: 0, freed: 0, ended: 0 }, false],
  ["backlog-growing", "by a tenth", { backlog: 1_100 }, true, { backlog: 1_000 }],
  ["backlog-growing", "it wavers", { backlog: 1_020 }, false, { backlog: 1_000 }],
  ["backlog-growing", "it shrinks", { backlog: 900 }, false, { backlog: 1_000 }],
  ["backlog-growing", "a few at once in a quiet fleet", { backlog: 19 }, false, { backlog: 0 }],
  ["backlog-growing", "from nothing", { backlog: 20 }, true, { backlog: 0 }],
  ["backlog-growing", "there is none", { backlog: 0 }, false, { backlog: 10 }],
  ["error-rate", "all of a small fleet", { faults: 3, ended: 3 }, true],
  ["error-rate", "two say nothing", { faults: 2, ended: 2 }, false],
  ["error-rate", "few of many", { faults: 50, ended: 1_000 }, false],
  ["error-rate", "many of many", { faults: 51, ended: 1_000 }, true],
  ["error-rate", "nothing ended", { faults: 0, ended: 0 }, false],
  ["move-behind", "less than half is used up", { kept: 4, safe: 6 }, false],
  ["move-behind", "more than half is used up", { kept: 6, safe: 4 }, true],
  ["messages-failing", "all", { failed: 3, invocations: 3 }, true],
  ["messages-failing", "few of many", { failed: 4, invocations: 100 }, false],
  ["repair-crashing", "all", { errors: 3, invocations: 3 }, true],
  ["repair-crashing", "one of many", { errors: 1, invocations: 1_000 }, false],
])("%s: %s", (name, _what, now, breaches, before = {}) => {
  const alarm: AlarmDefinition = ALARMS[name];
  expect(alarm.breaches).toBe("GreaterThanThreshold");
  expect(alarmValue(alarm, now, before) > alarm.threshold).toBe(breaches);
});

test("every alarm has a definition", () => {
  expect(ofType(graph, "cloudwatch/metricAlarm:MetricAlarm")).toHaveLength(definitions.length);
});

test("claim and reap run every minute, so their alarms fire when values are missing", () => {
  for (const name of ["claim-not-running", "reap-not-running"] as const) {
    expect(ALARMS[name].missing).toBe("breaching");
  }
});

test("one run of claim that reports an unknown version of indexd raises the alarm; without reports the alarm ends", () => {
  const [alarm] = ofType(graph, "cloudwatch/metricAlarm:MetricAlarm").filter(
    ({ inputs }) => inputs["name"] === "slabmend-production-default-unknown-indexd-version",
  );
  expect(alarm?.inputs).toMatchObject({
    comparisonOperator: "GreaterThanThreshold",
    threshold: 0,
    evaluationPeriods: 1,
    datapointsToAlarm: 1,
    treatMissingData: "notBreaching",
    metricQueries: [
      {
        returnData: true,
        metric: {
          namespace: "slabmend/production/default",
          metricName: "UnknownIndexdVersion",
          dimensions: { service: "claim" },
          stat: "Sum",
          period: 300,
        },
      },
    ],
  });
});

test("the topic sends e-mail to the operator", () => {
  expect(one(graph, "sns/topicSubscription:TopicSubscription", "AlarmsEmail")).toEqual({
    topic: "arn:aws:sns:eu-central-1:123456789012:Alarms",
    protocol: "email",
    endpoint: ENVIRONMENT.SLABMEND_ALARM_EMAIL,
  });
});

test("the dashboard shows the relevant metrics and the alarms", () => {
  const body = JSON.parse(
    String(one(graph, "cloudwatch/dashboard:Dashboard", "DefaultDashboard")["dashboardBody"]),
  ) as {
    widgets: { type: string; properties: { alarms?: string[]; metrics?: unknown[][]; region?: string } }[];
  };
  expect(body.widgets[0]?.properties.alarms).toHaveLength(definitions.length);
  const shown = new Set(
    body.widgets.flatMap(({ properties }) => properties.metrics ?? []).map(([, name]) => name),
  );
  for (const name of [
    "BacklogMargin0",
    "LiveLeases",
    "Repairs",
    "SectorsCopied",
    "SectorsRebuilt",
    "BytesRead",
    "BytesWritten",
    "Hastings",
    "CopyMs",
    "RebuildMs",
    "StoreMs",
    "OldestLeaseSeconds",
    "ExpiredLeases",
    "DeadLetters",
    "QuarantinedSlabs",
    "UnderfundedHosts",
    "DatabaseConnections",
  ]) {
    expect(shown).toContain(name);
  }
});

test("every alarm has a section in the runbook with the headings Description, Investigation and Resolution", () => {
  const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  const sections = new Map(
    runbook
      .split(/^## /m)
      .slice(1)
      .map((section) => [section.slice(0, section.indexOf("\n")).trim(), section]),
  );
  for (const [name] of definitions) {
    const headings = [...(sections.get(name) ?? "").matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    expect([name, headings]).toEqual([name, ["Description", "Investigation", "Resolution"]]);
  }
});
