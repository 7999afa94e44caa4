/** What `sst deploy` would create for a stage, statement by statement. */
import { beforeAll, describe, expect, test } from "vitest";
import { variablesOf as variablesReadBy } from "../../lib/config/parse-environment.ts";
import { ENVIRONMENT, evaluate, SECRETS } from "./support/evaluate.ts";
import {
  type Graph,
  graphOf,
  isSecret,
  ofType,
  one,
  statementsOf,
  variablesOf,
} from "./support/read-graph.ts";

const REPAIRS = "arn:aws:sqs:eu-central-1:123456789012:RepairsQueue";
const DEAD_LETTERS = "arn:aws:sqs:eu-central-1:123456789012:DeadLettersQueue";
const logs = (name: string) => ({
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  effect: "Allow",
  resources: [`arn:aws:logs:eu-central-1:123456789012:log-group:/slabmend/production/${name}:*`],
});
const allow = (actions: string[], resource: string) => ({ actions, effect: "Allow", resources: [resource] });

let graph: Graph;
beforeAll(async () => {
  graph = graphOf(await evaluate());
});

describe("queues", () => {
  test("a message is hidden for at least six times the function's time, and goes away after five receives", () => {
    const repairs = one(graph, "sqs/queue:Queue", "RepairsQueue");
    const { timeout } = one(graph, "lambda/function:Function", "RepairFunction") as { timeout: number };
    expect(repairs["visibilityTimeoutSeconds"]).toBeGreaterThanOrEqual(6 * timeout);
    expect(JSON.parse(String(repairs["redrivePolicy"]))).toEqual({
      deadLetterTargetArn: DEAD_LETTERS,
      maxReceiveCount: 5,
    });
    expect(repairs["receiveWaitTimeSeconds"]).toBe(20);
    expect(repairs["fifoQueue"]).toBe(false);
  });

  test("dead letters stay for fourteen days, and come from the queue of repairs only", () => {
    expect(one(graph, "sqs/queue:Queue", "DeadLettersQueue")["messageRetentionSeconds"]).toBe(14 * 86_400);
    const allowed = one(graph, "sqs/redriveAllowPolicy:RedriveAllowPolicy", "DeadLettersRedriveAllow");
    expect(JSON.parse(String(allowed["redriveAllowPolicy"]))).toEqual({
      redrivePermission: "byQueue",
      sourceQueueArns: [REPAIRS],
    });
  });

  test("both are encrypted at rest, and no policy opens them", () => {
    const queues = ofType(graph, "sqs/queue:Queue");
    expect(queues).toHaveLength(2);
    for (const { inputs } of queues) {
      expect(inputs["sqsManagedSseEnabled"]).toBe(true);
      expect(inputs["policy"]).toBeUndefined();
    }
    expect(ofType(graph, "sqs/queuePolicy:QueuePolicy")).toEqual([]);
  });
});

describe("functions", () => {
  test("who reads messages is replaced before those who write them", () => {
    for (const writer of ["ClaimFunction", "ReapFunction"]) {
      expect(graph.dependencies[writer]).toContain("RepairFunction");
    }
    expect(graph.dependencies["RepairFunction"]).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(Claim|Reap)/)]),
    );
  });

  test.each([
    ["ClaimFunction", 55, 512],
    ["RepairFunction", 300, 1_769],
    ["ReapFunction", 55, 512],
  ])("%s: runtime, %d s, %d MB, its own log", (name, timeout, memorySize) => {
    expect(one(graph, "lambda/function:Function", name)).toMatchObject({
      runtime: "nodejs24.x",
      architectures: ["arm64"],
      handler: "bundle.handler",
      packageType: "Zip",
      timeout,
      memorySize,
      loggingConfig: {
        logFormat: "JSON",
        logGroup: `/slabmend/production/${name.replace("Function", "").toLowerCase()}`,
      },
    });
  });

  test("none reserves concurrency: throttling would feed the dead-letter queue", () => {
    for (const { inputs } of ofType(graph, "lambda/function:Function")) {
      expect(inputs["reservedConcurrentExecutions"]).toBeUndefined();
    }
  });

  test("each gets the variables that it requires, and no other of ours", () => {
    for (const [name, resource] of [
      ["claim", "ClaimFunction"],
      ["repair", "RepairFunction"],
      ["reap", "ReapFunction"],
    ] as const) {
      const given = Object.keys(variablesOf(graph, resource)).filter((key) => key.startsWith("SLABMEND_"));
      expect(variablesReadBy(name)).toEqual(expect.arrayContaining(given));
      expect(given).toContain("SLABMEND_DATABASE_URL");
      expect(given.includes("SLABMEND_MIGRATION_SEED")).toBe(name === "repair");
    }
    expect(variablesOf(graph, "ClaimFunction")["SLABMEND_MAX_IN_FLIGHT"]).toBe("200");
  });

  test("secrets are encrypted in the deployment's state", () => {
    for (const { inputs } of ofType(graph, "lambda/function:Function")) {
      expect(isSecret(inputs["environment"])).toBe(true);
    }
    const plain = graph.resources.map(({ inputs }) => {
      const { environment, ...rest } = inputs;
      return isSecret(environment) ? rest : inputs;
    });
    for (const secret of ["canary-password", SECRETS.MigrationSeed]) {
      expect(JSON.stringify([plain, graph.outputs])).not.toContain(secret);
    }
  });

  test("logs end after thirty days", () => {
    const groups = ofType(graph, "cloudwatch/logGroup:LogGroup");
    expect(groups.map(({ inputs }) => [inputs["name"], inputs["retentionInDays"]])).toEqual([
      ["/slabmend/production/claim", 30],
      ["/slabmend/production/reap", 30],
      ["/slabmend/production/repair", 30],
    ]);
  });
});

describe("what starts functions", () => {
  test("the queue's mapping: one message at a time, partial responses, bounded concurrency", () => {
    const [mapping, ...others] = ofType(graph, "lambda/eventSourceMapping:EventSourceMapping");
    expect(others).toEqual([]);
    expect(mapping?.inputs).toEqual({
      eventSourceArn: REPAIRS,
      functionName: "arn:aws:lambda:eu-central-1:123456789012:function:RepairFunction",
      batchSize: 1,
      maximumBatchingWindowInSeconds: 0,
      functionResponseTypes: ["ReportBatchItemFailures"],
      scalingConfig: { maximumConcurrency: 100 },
    });
  });

  test.each(["Claim", "Reap"])("%s: every minute, never twice for one minute", (name) => {
    const schedule = one(graph, "scheduler/schedule:Schedule", `${name}ScheduleSchedule`);
    expect(schedule).toMatchObject({
      scheduleExpression: "rate(1 minute)",
      flexibleTimeWindow: { mode: "OFF" },
      state: "ENABLED",
      target: {
        arn: `arn:aws:lambda:eu-central-1:123456789012:function:${name}Function`,
        retryPolicy: { maximumRetryAttempts: 0 },
      },
    });
    expect(
      one(graph, "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", `${name}EventInvokeConfig`),
    ).toMatchObject({ maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 });
    const { timeout } = one(graph, "lambda/function:Function", `${name}Function`) as { timeout: number };
    expect(timeout).toBeLessThan(60);
  });
});

describe("permissions", () => {
  test.each([
    ["ClaimRole", [allow(["sqs:SendMessage"], REPAIRS), logs("claim")]],
    [
      "RepairRole",
      [
        allow(
          [
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
          ],
          REPAIRS,
        ),
        logs("repair"),
      ],
    ],
    [
      "ReapRole",
      [
        allow(["sqs:SendMessage"], REPAIRS),
        allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], DEAD_LETTERS),
        logs("reap"),
      ],
    ],
    [
      "ClaimScheduleRole",
      [
        {
          actions: ["lambda:InvokeFunction"],
          resources: ["arn:aws:lambda:eu-central-1:123456789012:function:ClaimFunction"],
        },
      ],
    ],
    [
      "ReapScheduleRole",
      [
        {
          actions: ["lambda:InvokeFunction"],
          resources: ["arn:aws:lambda:eu-central-1:123456789012:function:ReapFunction"],
        },
      ],
    ],
  ])("%s can do exactly this", (role, statements) => {
    expect(statementsOf(graph, role)).toEqual(statements);
  });

  test("there is no other role, no managed policy, no attached one", () => {
    const roles = ofType(graph, "iam/role:Role");
    expect(roles.map(({ name }) => name)).toEqual([
      "ClaimRole",
      "ClaimScheduleRole",
      "ReapRole",
      "ReapScheduleRole",
      "RepairRole",
    ]);
    for (const { inputs } of roles) expect(inputs["managedPolicyArns"] ?? []).toEqual([]);
    expect(graph.resources.filter(({ type }) => /olicyAttachment|RolePolicy|iam\/policy/.test(type))).toEqual(
      [],
    );
  });

  test("roles are taken by the service that needs them, by nobody of the account", () => {
    for (const { name, inputs } of ofType(graph, "iam/role:Role")) {
      const service = name.includes("Schedule") ? "scheduler.amazonaws.com" : "lambda.amazonaws.com";
      const { Statement } = inputs["assumeRolePolicy"] as { Statement: { Principal: unknown }[] };
      expect(Statement.map(({ Principal }) => Principal)).toEqual([{ Service: service }]);
    }
  });

  test("no action anywhere is a wildcard", () => {
    const actions = ofType(graph, "iam/role:Role").flatMap(({ name }) =>
      statementsOf(graph, name).flatMap((statement) => statement.actions),
    );
    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
  });

  test("nothing is public: no URL, no permission for others, no open topic", () => {
    const types = new Set(graph.resources.map(({ type }) => type));
    for (const type of [
      "aws:lambda/functionUrl:FunctionUrl",
      "aws:lambda/permission:Permission",
      "aws:apigatewayv2/api:Api",
      "aws:s3/bucket:Bucket",
      "aws:ec2/vpc:Vpc",
    ]) {
      expect(types).not.toContain(type);
    }
    const { policy } = one(graph, "sns/topicPolicy:TopicPolicy", "AlarmsPolicy");
    expect(JSON.parse(String(policy))).toEqual([
      {
        actions: ["sns:Publish"],
        resources: ["arn:aws:sns:eu-central-1:123456789012:Alarms"],
        principals: [{ type: "Service", identifiers: ["cloudwatch.amazonaws.com"] }],
        conditions: [{ test: "StringEquals", variable: "aws:SourceAccount", values: ["123456789012"] }],
      },
    ]);
  });
});

describe("with a network", () => {
  const ATTACH = {
    actions: [
      "ec2:AssignPrivateIpAddresses",
      "ec2:CreateNetworkInterface",
      "ec2:DeleteNetworkInterface",
      "ec2:DescribeNetworkInterfaces",
      "ec2:DescribeSubnets",
      "ec2:UnassignPrivateIpAddresses",
    ],
    effect: "Allow",
    resources: ["*"],
  };

  test("a new one has a NAT instance and no NAT gateway; functions are in its private subnets", async () => {
    const inside = graphOf(await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_VPC: "new" } }));
    expect(ofType(inside, "ec2/vpc:Vpc")).toHaveLength(1);
    expect(ofType(inside, "ec2/instance:Instance").length).toBeGreaterThan(0);
    expect(ofType(inside, "ec2/natGateway:NatGateway")).toEqual([]);
    for (const { inputs } of ofType(inside, "lambda/function:Function")) {
      expect(inputs["vpcConfig"]).toMatchObject({
        subnetIds: ["NetworkPrivateSubnet1-id", "NetworkPrivateSubnet2-id"],
      });
    }
    expect(statementsOf(inside, "RepairRole").at(-1)).toEqual(ATTACH);
  });

  test("an existing one is used as it is", async () => {
    const inside = graphOf(
      await evaluate({
        environment: {
          ...ENVIRONMENT,
          SLABMEND_VPC: "existing",
          SLABMEND_VPC_SUBNETS: "subnet-0a, subnet-0b",
          SLABMEND_VPC_SECURITY_GROUPS: "sg-01",
        },
      }),
    );
    expect(inside.resources.filter(({ type }) => type.startsWith("aws:ec2/"))).toEqual([]);
    for (const { inputs } of ofType(inside, "lambda/function:Function")) {
      expect(inputs["vpcConfig"]).toEqual({
        subnetIds: ["subnet-0a", "subnet-0b"],
        securityGroupIds: ["sg-01"],
      });
    }
    expect(statementsOf(inside, "ClaimRole").at(-1)).toEqual(ATTACH);
  });
});

describe("money", () => {
  test("a budget of the account warns by e-mail before and when it is spent", () => {
    const budget = one(graph, "budgets/budget:Budget", "Budget");
    expect(budget).toMatchObject({
      budgetType: "COST",
      timeUnit: "MONTHLY",
      limitAmount: "200",
      limitUnit: "USD",
    });
    expect(budget["costFilters"]).toBeUndefined();
    const notifications = budget["notifications"] as { subscriberEmailAddresses: string[] }[];
    expect(notifications).toHaveLength(3);
    for (const { subscriberEmailAddresses } of notifications) {
      expect(subscriberEmailAddresses).toEqual([ENVIRONMENT.SLABMEND_ALARM_EMAIL]);
    }
  });
});

test("production is neither removed nor replaced by mistake; other stages are", async () => {
  expect(graph.app).toMatchObject({ name: "slabmend", home: "aws", removal: "retain", protect: true });
  const other = graphOf(await evaluate({ stage: "trial" }));
  expect(other.app).toMatchObject({ removal: "remove", protect: false });
  expect(other.outputs["dashboard"]).toBe("slabmend-trial-fleet");
});
