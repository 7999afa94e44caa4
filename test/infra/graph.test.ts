/** What `sst deploy` would create in a stage, including the statements of all policies. */
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
  takersOf,
  variablesOf,
} from "./support/read-graph.ts";

const REPAIRS = "arn:aws:sqs:eu-central-1:123456789012:DefaultRepairsQueue";
const DEAD_LETTERS = "arn:aws:sqs:eu-central-1:123456789012:DefaultDeadLettersQueue";
const logs = (name: string) => ({
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  effect: "Allow",
  resources: [`arn:aws:logs:eu-central-1:123456789012:log-group:/slabmend/production/default/${name}:*`],
});
const allow = (actions: string[], resource: string) => ({ actions, effect: "Allow", resources: [resource] });

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

let graph: Graph;
beforeAll(async () => {
  graph = graphOf(await evaluate());
});

describe("queues", () => {
  test("the repair queue hides a message for six times the function's timeout; five receives make a message a dead letter", () => {
    const repairs = one(graph, "sqs/queue:Queue", "DefaultRepairsQueue");
    const { timeout } = one(graph, "lambda/function:Function", "DefaultRepairFunction") as {
      timeout: number;
    };
    expect(repairs["visibilityTimeoutSeconds"]).toBeGreaterThanOrEqual(6 * timeout);
    expect(JSON.parse(String(repairs["redrivePolicy"]))).toEqual({
      deadLetterTargetArn: DEAD_LETTERS,
      maxReceiveCount: 5,
    });
    expect(repairs["receiveWaitTimeSeconds"]).toBe(20);
    expect(repairs["fifoQueue"]).toBe(false);
  });

  test("dead letters are kept for fourteen days and come only from the repair queue", () => {
    expect(one(graph, "sqs/queue:Queue", "DefaultDeadLettersQueue")["messageRetentionSeconds"]).toBe(
      14 * 86_400,
    );
    const allowed = one(graph, "sqs/redriveAllowPolicy:RedriveAllowPolicy", "DefaultDeadLettersRedriveAllow");
    expect(JSON.parse(String(allowed["redriveAllowPolicy"]))).toEqual({
      redrivePermission: "byQueue",
      sourceQueueArns: [REPAIRS],
    });
  });

  test("the repair queue and the dead-letter queue are encrypted at rest and have no policy", () => {
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
  test("a deployment updates repair, which reads messages, before claim and reap, which write them", () => {
    for (const writer of ["DefaultClaimFunction", "DefaultReapFunction"]) {
      expect(graph.dependencies[writer]).toContain("DefaultRepairFunction");
    }
    expect(graph.dependencies["DefaultRepairFunction"]).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^Default(Claim|Reap)/)]),
    );
  });

  test.each([
    ["DefaultClaimFunction", 55, 512],
    ["DefaultRepairFunction", 300, 1_769],
    ["DefaultReapFunction", 55, 512],
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
        logGroup: `/slabmend/production/default/${name.replace(/^Default|Function$/g, "").toLowerCase()}`,
      },
    });
  });

  test("no function reserves concurrency, because throttling would fill the dead-letter queue", () => {
    for (const { inputs } of ofType(graph, "lambda/function:Function")) {
      expect(inputs["reservedConcurrentExecutions"]).toBeUndefined();
    }
  });

  test("each function gets exactly the variables that it requires", () => {
    for (const [name, resource] of [
      ["claim", "DefaultClaimFunction"],
      ["repair", "DefaultRepairFunction"],
      ["reap", "DefaultReapFunction"],
    ] as const) {
      const given = Object.keys(variablesOf(graph, resource)).filter((key) => key.startsWith("SLABMEND_"));
      expect(variablesReadBy(name)).toEqual(expect.arrayContaining(given));
      expect(given).toContain("SLABMEND_DATABASE_URL");
      expect(given.includes("SLABMEND_MIGRATION_SEED")).toBe(name === "repair");
    }
    expect(variablesOf(graph, "DefaultClaimFunction")["SLABMEND_REPAIR_CONCURRENCY"]).toBe("50");
  });

  test("secrets are encrypted in the deployment's state", () => {
    for (const { inputs } of ofType(graph, "lambda/function:Function")) {
      expect(isSecret(inputs["environment"])).toBe(true);
    }
    const plain = graph.resources.map(({ inputs }) => {
      const { environment, ...rest } = inputs;
      return isSecret(environment) ? rest : inputs;
    });
    for (const secret of ["canary-password", SECRETS.DefaultMigrationSeed]) {
      expect(JSON.stringify([plain, graph.outputs])).not.toContain(secret);
    }
  });

  test("logs are kept for thirty days", () => {
    const groups = ofType(graph, "cloudwatch/logGroup:LogGroup");
    expect(groups.map(({ inputs }) => [inputs["name"], inputs["retentionInDays"]])).toEqual([
      ["/slabmend/production/default/claim", 30],
      ["/slabmend/production/default/reap", 30],
      ["/slabmend/production/default/repair", 30],
    ]);
  });
});

describe("the triggers of functions", () => {
  test("the event source mapping of the repair queue has a batch size of one, partial responses and limited concurrency", () => {
    const [mapping, ...others] = ofType(graph, "lambda/eventSourceMapping:EventSourceMapping");
    expect(others).toEqual([]);
    expect(mapping?.inputs).toEqual({
      eventSourceArn: REPAIRS,
      functionName: "arn:aws:lambda:eu-central-1:123456789012:function:DefaultRepairFunction",
      batchSize: 1,
      maximumBatchingWindowInSeconds: 0,
      functionResponseTypes: ["ReportBatchItemFailures"],
      scalingConfig: { maximumConcurrency: 50 },
    });
  });

  test.each(["Claim", "Reap"])("%s is scheduled every minute, without retries", (name) => {
    const schedule = one(graph, "scheduler/schedule:Schedule", `Default${name}ScheduleSchedule`);
    expect(schedule).toMatchObject({
      scheduleExpression: "rate(1 minute)",
      flexibleTimeWindow: { mode: "OFF" },
      state: "ENABLED",
      target: {
        arn: `arn:aws:lambda:eu-central-1:123456789012:function:Default${name}Function`,
        retryPolicy: { maximumRetryAttempts: 0 },
      },
    });
    expect(
      one(
        graph,
        "lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
        `Default${name}EventInvokeConfig`,
      ),
    ).toMatchObject({ maximumRetryAttempts: 0, maximumEventAgeInSeconds: 60 });
    const { timeout } = one(graph, "lambda/function:Function", `Default${name}Function`) as {
      timeout: number;
    };
    expect(timeout).toBeLessThan(60);
  });
});

describe("permissions", () => {
  test.each([
    ["DefaultClaimRole", [allow(["sqs:SendMessage"], REPAIRS), logs("claim")]],
    [
      "DefaultRepairRole",
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
      "DefaultReapRole",
      [
        allow(["sqs:SendMessage"], REPAIRS),
        allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], DEAD_LETTERS),
        logs("reap"),
      ],
    ],
    [
      "DefaultClaimScheduleRole",
      [
        {
          actions: ["lambda:InvokeFunction"],
          resources: ["arn:aws:lambda:eu-central-1:123456789012:function:DefaultClaimFunction"],
        },
      ],
    ],
    [
      "DefaultReapScheduleRole",
      [
        {
          actions: ["lambda:InvokeFunction"],
          resources: ["arn:aws:lambda:eu-central-1:123456789012:function:DefaultReapFunction"],
        },
      ],
    ],
  ])("%s can do exactly this", (role, statements) => {
    expect(statementsOf(graph, role)).toEqual(statements);
  });
});

describe("due checks", () => {
  const CHECKS = "arn:aws:sqs:eu-central-1:123456789012:DefaultChecksQueue";
  const due = async (): Promise<Graph> =>
    graphOf(await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_VERIFY: "due" } }));

  test("by default there is no queue, permission or mapping for due checks", () => {
    expect(ofType(graph, "sqs/queue:Queue").map(({ name }) => name)).not.toContain("DefaultChecksQueue");
    expect(ofType(graph, "lambda/eventSourceMapping:EventSourceMapping")).toHaveLength(1);
    expect(variablesOf(graph, "DefaultClaimFunction")["SLABMEND_CHECK_QUEUE_URL"]).toBe("none");
  });

  test("due checks have their own queue without dead letters; its messages expire when their claim ends", async () => {
    const made = await due();
    const queue = one(made, "sqs/queue:Queue", "DefaultChecksQueue");
    expect(queue).toMatchObject({
      messageRetentionSeconds: 1_800,
      visibilityTimeoutSeconds: 1_800,
      sqsManagedSseEnabled: true,
    });
    expect(queue["redrivePolicy"]).toBeUndefined();
    const mappings = ofType(made, "lambda/eventSourceMapping:EventSourceMapping").map(({ inputs }) => inputs);
    expect(mappings.filter(({ eventSourceArn }) => eventSourceArn === CHECKS)).toMatchObject([
      { batchSize: 10, scalingConfig: { maximumConcurrency: 2 } },
    ]);
    expect(mappings.filter(({ eventSourceArn }) => eventSourceArn === REPAIRS)).toMatchObject([
      { batchSize: 1, scalingConfig: { maximumConcurrency: 50 } },
    ]);
  });

  test("claim may send to the check queue, repair may receive from it, reap may do neither", async () => {
    const made = await due();
    const of = (role: string) =>
      statementsOf(made, role).filter(({ resources }) => (resources as string[]).includes(CHECKS));
    expect(of("DefaultClaimRole")).toEqual([allow(["sqs:GetQueueAttributes", "sqs:SendMessage"], CHECKS)]);
    expect(of("DefaultRepairRole")).toEqual([
      allow(["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"], CHECKS),
    ]);
    expect(of("DefaultReapRole")).toEqual([]);
    expect(variablesOf(made, "DefaultClaimFunction")["SLABMEND_CHECK_QUEUE_URL"]).toMatch(/^https:\/\/.+/);
    for (const name of ["DefaultClaimFunction", "DefaultReapFunction"]) {
      expect(variablesOf(made, name)["SLABMEND_VERIFY"]).toBe("due");
    }
  });
});

describe("the archive", () => {
  const BUCKET = "arn:aws:s3:eu-central-1:123456789012:DefaultArchive";
  const withArchive = async (place: string): Promise<Graph> =>
    graphOf(await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_ARCHIVE: place } }));
  const writes = (bucket: string, objects: string) => [
    allow(["s3:GetObject", "s3:PutObject"], objects),
    allow(["s3:ListBucket"], bucket),
  ];

  test("by default there is no archive, and no function may access a bucket", () => {
    expect(variablesOf(graph, "DefaultReapFunction")["SLABMEND_ARCHIVE"]).toBe("none");
    expect(ofType(graph, "s3/bucket:Bucket").filter(({ name }) => name.includes("Archive"))).toEqual([]);
  });

  test("a new archive bucket is versioned, encrypted, private and TLS-only; only reap has access, and may not delete", async () => {
    const made = await withArchive("new");
    expect(one(made, "s3/bucketVersioning:BucketVersioning", "DefaultArchiveVersioning")).toMatchObject({
      versioningConfiguration: { status: "Enabled" },
    });
    expect(
      one(
        made,
        "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "DefaultArchiveEncryption",
      ),
    ).toMatchObject({ rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }] });
    expect(
      one(made, "s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "DefaultArchiveAccess"),
    ).toMatchObject({
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(
      one(made, "s3/bucketOwnershipControls:BucketOwnershipControls", "DefaultArchiveOwnership"),
    ).toMatchObject({
      rule: { objectOwnership: "BucketOwnerEnforced" },
    });
    const policy = one(made, "s3/bucketPolicy:BucketPolicy", "DefaultArchivePolicy")["policy"];
    expect(JSON.parse(String(policy))).toMatchObject([
      {
        effect: "Deny",
        conditions: [{ test: "Bool", variable: "aws:SecureTransport", values: ["false"] }],
      },
    ]);
    expect(statementsOf(made, "DefaultReapRole").slice(2, 4)).toEqual(writes(BUCKET, `${BUCKET}/*`));
    for (const role of ["DefaultClaimRole", "DefaultRepairRole"]) {
      expect(JSON.stringify(statementsOf(made, role))).not.toContain("s3:");
    }
    expect(variablesOf(made, "DefaultReapFunction")["SLABMEND_ARCHIVE"]).toMatch(/^s3:\/\/./);
  });

  test("in an existing archive bucket reap's permissions are limited to the configured prefix", async () => {
    const made = await withArchive("s3://backups/slabmend/main/");
    expect(ofType(made, "s3/bucketVersioning:BucketVersioning")).toEqual([]);
    expect(statementsOf(made, "DefaultReapRole").slice(2, 4)).toEqual(
      writes("arn:aws:s3:::backups", "arn:aws:s3:::backups/slabmend/main/*"),
    );
    expect(variablesOf(made, "DefaultReapFunction")["SLABMEND_ARCHIVE"]).toBe("s3://backups/slabmend/main");
  });

  test("a stage cannot archive to a directory", async () => {
    const refused = await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_ARCHIVE: "/var/archive" } });
    expect(refused).toMatchObject({ kind: "refused", registered: [] });
  });
});

/** The types of the resources that every stage has, without the resources of its network. */
const ALWAYS: readonly string[] = [
  "aws:budgets/budget:Budget",
  "aws:cloudwatch/dashboard:Dashboard",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:cloudwatch/metricAlarm:MetricAlarm",
  "aws:iam/role:Role",
  "aws:lambda/eventSourceMapping:EventSourceMapping",
  "aws:lambda/function:Function",
  "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig",
  "aws:s3/bucketObjectv2:BucketObjectv2",
  "aws:scheduler/schedule:Schedule",
  "aws:sns/topic:Topic",
  "aws:sns/topicPolicy:TopicPolicy",
  "aws:sns/topicSubscription:TopicSubscription",
  "aws:sqs/queue:Queue",
  "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
  "pulumi:pulumi:Stack",
  "random:index/randomBytes:RandomBytes",
];
const NEW_NETWORK: readonly string[] = [
  "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
  "aws:ec2/eip:Eip",
  "aws:ec2/eipAssociation:EipAssociation",
  "aws:ec2/instance:Instance",
  "aws:ec2/internetGateway:InternetGateway",
  "aws:ec2/routeTable:RouteTable",
  "aws:ec2/routeTableAssociation:RouteTableAssociation",
  "aws:ec2/securityGroup:SecurityGroup",
  "aws:ec2/subnet:Subnet",
  "aws:ec2/vpc:Vpc",
  "aws:iam/instanceProfile:InstanceProfile",
  "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
];
/** For each role that a stage may contain, the service that may assume the role. */
const ROLES: Readonly<Record<string, string>> = {
  DefaultClaimRole: "lambda.amazonaws.com",
  DefaultClaimScheduleRole: "scheduler.amazonaws.com",
  DefaultReapRole: "lambda.amazonaws.com",
  DefaultReapScheduleRole: "scheduler.amazonaws.com",
  DefaultRepairRole: "lambda.amazonaws.com",
};
const EXISTING = {
  SLABMEND_VPC: "existing",
  SLABMEND_VPC_SUBNETS: "subnet-0a, subnet-0b",
  SLABMEND_VPC_SECURITY_GROUPS: "sg-01",
};

describe.each([
  ["none", {}, ALWAYS, ROLES],
  [
    "new",
    { SLABMEND_VPC: "new" },
    [...ALWAYS, ...NEW_NETWORK],
    { ...ROLES, NetworkNatInstanceRole: "ec2.amazonaws.com" },
  ],
  ["existing", EXISTING, ALWAYS, ROLES],
])("with the network %s", (mode, variables, types, roles) => {
  let inside: Graph;
  beforeAll(async () => {
    inside = graphOf(await evaluate({ environment: { ...ENVIRONMENT, ...variables } }));
  });

  test("a stage creates only the listed types of resources: no function URL, Lambda permission or attached policy", () => {
    expect([...new Set(inside.resources.map(({ type }) => type))].toSorted()).toEqual(types.toSorted());
  });

  test("roles can be assumed only by the services that need them, and have no managed policy", () => {
    const found = ofType(inside, "iam/role:Role").map(({ name, inputs }) => {
      expect(inputs["managedPolicyArns"] ?? []).toEqual([]);
      return [name, takersOf(inputs["assumeRolePolicy"])];
    });
    expect(Object.fromEntries(found)).toEqual(
      Object.fromEntries(Object.entries(roles).map(([name, service]) => [name, [service]])),
    );
  });

  test("functions have only the listed permissions, plus those for a network if there is one", () => {
    const attach = mode === "none" ? [] : [ATTACH];
    expect(statementsOf(inside, "DefaultClaimRole")).toEqual([
      allow(["sqs:SendMessage"], REPAIRS),
      logs("claim"),
      ...attach,
    ]);
    expect(statementsOf(inside, "DefaultRepairRole").slice(2)).toEqual(attach);
    expect(statementsOf(inside, "DefaultReapRole").slice(3)).toEqual(attach);
  });

  test("no policy statement allows actions by a wildcard", () => {
    const actions = ofType(inside, "iam/role:Role")
      .filter(({ inputs }) => inputs["inlinePolicies"] !== undefined)
      .flatMap(({ name }) => statementsOf(inside, name).flatMap((statement) => statement.actions));
    expect(actions.length).toBeGreaterThan(0);
    expect(actions.filter((action) => action.includes("*"))).toEqual([]);
  });

  test("nothing in the network accepts connections from outside", () => {
    const groups = inside.resources.filter(({ type }) => /ecurityGroup$/.test(type));
    expect(groups).toHaveLength(mode === "new" ? 2 : 0);
    const network = inside.resources.find(({ type }) => type === "aws:ec2/vpc:Vpc")?.inputs["cidrBlock"];
    for (const { inputs } of groups) {
      expect(inputs["ingress"]).toEqual([{ protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: [network] }]);
    }
  });

  test("functions are in the configured network", () => {
    const expected = {
      none: undefined,
      new: {
        subnetIds: ["NetworkPrivateSubnet1-id", "NetworkPrivateSubnet2-id"],
        securityGroupIds: ["NetworkSecurityGroup-id"],
      },
      existing: { subnetIds: ["subnet-0a", "subnet-0b"], securityGroupIds: ["sg-01"] },
    }[mode];
    for (const { inputs } of ofType(inside, "lambda/function:Function")) {
      expect(inputs["vpcConfig"]).toEqual(expected);
    }
  });

  test("NAT instances have no credentials, and encrypted disks", () => {
    const instances = ofType(inside, "ec2/instance:Instance");
    expect(instances).toHaveLength(mode === "new" ? 2 : 0);
    for (const { inputs } of instances) {
      expect(inputs["iamInstanceProfile"]).toBeUndefined();
      expect(inputs["rootBlockDevice"]).toMatchObject({ encrypted: true });
    }
  });
});

test("only CloudWatch of this account may publish alarms", () => {
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

describe("money", () => {
  test("the account's monthly budget has three notifications, all to the operator's e-mail address", () => {
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

test("production is protected from removal and replacement; other stages are not", async () => {
  expect(graph.app).toMatchObject({ name: "slabmend", home: "aws", removal: "retain", protect: true });
  const other = graphOf(await evaluate({ stage: "trial" }));
  expect(other.app).toMatchObject({ removal: "remove", protect: false });
  expect(other.outputs["dashboard"]).toBe("slabmend-trial-default-fleet");
});
