/** Mistakes of an operator that are detected before anything is created. */
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkStage, StageError } from "../../infra/check-stage.ts";
import { describeSettings, readStageSettings } from "../../infra/settings.ts";
import { makeCertificate } from "../support/certificates.ts";
import { ENVIRONMENT, evaluate, SECRETS } from "./support/evaluate.ts";
import { graphOf, one, variablesOf } from "./support/read-graph.ts";

const GOOD = {
  ...ENVIRONMENT,
  SST_SECRET_DefaultDatabaseUrl: SECRETS.DefaultDatabaseUrl,
  SST_SECRET_DefaultMigrationSeed: SECRETS.DefaultMigrationSeed,
};

describe("a stage is refused before anything is registered", () => {
  test.each([
    ["without secrets", { secrets: {} }, ["secret DefaultDatabaseUrl", "secret DefaultMigrationSeed"]],
    [
      "with a wrong variable",
      { environment: { ...ENVIRONMENT, SLABMEND_INDEXD_GRACE_SECONDS: "soon" } },
      ["SLABMEND_INDEXD_GRACE_SECONDS"],
    ],
  ])("%s", async (_what, request, named) => {
    const refused = await evaluate(request);
    if (refused.kind !== "refused") throw new Error("it was evaluated");
    expect(refused.registered).toEqual([]);
    for (const name of named) expect(refused.message).toContain(name);
  });
});

describe("problems of a stage", () => {
  const refusal = async (environment: Record<string, string>): Promise<string> =>
    checkStage("trial", environment).then(
      () => "nothing",
      (error: unknown) => {
        expect(error).toBeInstanceOf(StageError);
        return (error as StageError).message;
      },
    );

  test("a valid stage has no problems", async () => {
    expect(await refusal(GOOD)).toBe("nothing");
  });

  test("all problems of settings, variables and secrets are reported in one message, and each problem only once", async () => {
    const message = await refusal({
      SLABMEND_ALARM_EMAIL: "nobody",
      SLABMEND_REPAIR_CONCURRENCY: "1",
      SLABMEND_MONTHLY_BUDGET_USD: "-5",
      SLABMEND_VPC: "new",
      SLABMEND_VPC_SUBNETS: "subnet-1",
      SLABMEND_INDEXD_GRACE_SECONDS: "an hour",
      SLABMEND_MIN_HOST_DISTANCE_KM: "-1",
      SLABMEND_DAILY_REPAIRS: "x",
      SLABMEND_LOG_LEVEL: "loud",
    });
    const named = [...message.matchAll(/^ {2}(?:secret )?(\w+): expected .+, got .+$/gm)].map(
      ([, name]) => name,
    );
    expect(named.toSorted()).toEqual([
      "DefaultDatabaseUrl",
      "DefaultMigrationSeed",
      "SLABMEND_ALARM_EMAIL",
      "SLABMEND_DAILY_REPAIRS",
      "SLABMEND_INDEXD_GRACE_SECONDS",
      "SLABMEND_LOG_LEVEL",
      "SLABMEND_MIN_HOST_DISTANCE_KM",
      "SLABMEND_MONTHLY_BUDGET_USD",
      "SLABMEND_REPAIR_CONCURRENCY",
      "SLABMEND_VPC_SUBNETS",
    ]);
  });

  test("each problem comes with a remedy, and no remedy's command takes a secret as an argument", async () => {
    const message = await refusal({ ...ENVIRONMENT });
    expect(message).toContain("npx sst secret set DefaultDatabaseUrl --stage trial");
    expect(message).toContain("npx sst secret set DefaultMigrationSeed --stage trial");
    expect(message).not.toContain("<value>");
    expect(await refusal({ ...GOOD, SLABMEND_VPC: "yes" })).toContain(".env.trial");
  });

  const url = "postgres://slabmend:hunter2canary@";
  test.each([
    [
      "a seed of 31 bytes",
      "DefaultMigrationSeed",
      "c0".repeat(31),
      "expected 64 hex digits (32 bytes), got 62 characters",
    ],
    [
      "a seed with a line end",
      "DefaultMigrationSeed",
      `${SECRETS.DefaultMigrationSeed}\n`,
      "got 65 characters",
    ],
    [
      "another database's URL",
      "DefaultDatabaseUrl",
      "mysql://u:hunter2canary@db/indexd",
      "begins with postgres://",
    ],
    [
      "a URL without database",
      "DefaultDatabaseUrl",
      `${url}db.example.com`,
      "expected the name of a database",
    ],
    [
      "no TLS to a public host",
      "DefaultDatabaseUrl",
      `${url}8.8.8.8/indexd`,
      "expected TLS to the public host 8.8.8.8",
    ],
    [
      "TLS with a fallback to none",
      "DefaultDatabaseUrl",
      `${url}8.8.8.8/indexd?sslmode=prefer`,
      "an sslmode that may fall back to no TLS",
    ],
  ])("%s, without repeating it", async (_what, name, value, said) => {
    const message = await refusal({ ...GOOD, [`SST_SECRET_${name}`]: value });
    expect(message).toContain(`secret ${name}: `);
    expect(message).toContain(said);
    expect(message).not.toMatch(/hunter2canary|c0c0c0/);
  });

  test("a database at a private address is accepted without TLS", async () => {
    expect(await refusal({ ...GOOD, SST_SECRET_DefaultDatabaseUrl: `${url}10.0.0.5/indexd` })).toBe(
      "nothing",
    );
  });

  test("certificate authorities that are invalid, or that the database URL does not use, are refused", async () => {
    expect(await refusal({ ...GOOD, SLABMEND_DATABASE_CA: "/nowhere/ca.pem" })).toContain(
      "SLABMEND_DATABASE_CA: ",
    );
    const authority = makeCertificate({ name: "an authority", isAuthority: true });
    expect(await refusal({ ...GOOD, SLABMEND_DATABASE_CA: authority.cert })).toBe("nothing");
    const unused = {
      ...GOOD,
      SLABMEND_DATABASE_CA: authority.cert,
      SST_SECRET_DefaultDatabaseUrl: `${url}10.0.0.5/indexd`,
    };
    expect(await refusal(unused)).toContain("secret DefaultDatabaseUrl: expected sslmode=verify-full");
  });

  test.each(["Main", "main_eu", "-main", "main-", "main--eu", "main-2", "2nd", "a".repeat(21)])(
    "an indexer named %j is refused without asking for its secrets",
    async (SLABMEND_INDEXER) => {
      const message = await refusal({ ...GOOD, SLABMEND_INDEXER });
      expect(message).toContain("SLABMEND_INDEXER: expected at most 20 lower-case letters");
      expect(message).not.toContain("secret");
    },
  );

  test("the secrets of a second indexer are named after the indexer", async () => {
    const message = await refusal({ ...GOOD, SLABMEND_INDEXER: "main-eu" });
    expect(message).toContain("npx sst secret set MainEuDatabaseUrl --stage trial");
    expect(message).toContain("npx sst secret set MainEuMigrationSeed --stage trial");
  });
});

test.each([
  [{ SLABMEND_VPC: "existing" }, "SLABMEND_VPC_SUBNETS"],
  [{ SLABMEND_VPC: "new", SLABMEND_VPC_SUBNETS: "subnet-1" }, "SLABMEND_VPC_SUBNETS"],
  [
    { SLABMEND_VPC: "existing", SLABMEND_VPC_SUBNETS: "vpc-1", SLABMEND_VPC_SECURITY_GROUPS: "sg-1" },
    "SLABMEND_VPC_SUBNETS",
  ],
])("%o is refused", (chosen, named) => {
  const { problems } = readStageSettings({ ...ENVIRONMENT, ...chosen });
  expect(problems.map(({ name }) => name)).toContain(named);
});

describe("a function's variables, which Lambda refuses if they are longer than 4,096 bytes together", () => {
  const refusal = (environment: Record<string, string>): Promise<string> =>
    checkStage("trial", { ...GOOD, ...environment }).then(
      () => "accepted",
      (error: unknown) => (error as StageError).message,
    );
  const roots = Array.from({ length: 3 }, (_, index) =>
    makeCertificate({ name: `root ${index}`, isAuthority: true }),
  );
  /** Certificates that are in total as long as the three root certificates of an RDS region. */
  const bundle = Array.from(
    { length: Math.ceil(4_500 / roots[0]!.cert.length) },
    (_, index) => roots[index % 3]!.cert,
  ).join("");

  test("certificates that are too long for a variable are refused, and the remedy is to put them into a file", async () => {
    const message = await refusal({ SLABMEND_DATABASE_CA: bundle.replaceAll("\n", "\\n") });
    expect(message).toContain("SLABMEND_DATABASE_CA: expected at most 4096 bytes for a function's variables");
    expect(message).toContain(
      "set it to the path of a file of certificates, which then goes into the bundle",
    );
    expect(message).toContain(".env.trial");
  });

  test("certificates that are too long for a variable are accepted in a file", async () => {
    const folder = await mkdtemp(join(tmpdir(), "slabmend-ca-"));
    try {
      const file = join(folder, "rds.pem");
      await writeFile(file, bundle);
      expect(await refusal({ SLABMEND_DATABASE_CA: file })).toBe("accepted");
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("a database URL that is too long is refused with the name of its secret, but without the URL itself", async () => {
    const message = await refusal({
      SST_SECRET_DefaultDatabaseUrl: `postgres://slabmend:${"canary".repeat(600)}@10.0.0.5/indexd`,
    });
    expect(message).toMatch(
      /secret DefaultDatabaseUrl: expected at most 4096 bytes .* got \d+ bytes for \w+/,
    );
    expect(message).toContain("npx sst secret set DefaultDatabaseUrl --stage trial");
    expect(message).not.toContain("canary");
  });

  test("SST's own variables fit into the space that the check of a function's environment reserves for them", async () => {
    const graph = graphOf(await evaluate());
    for (const name of ["DefaultClaimFunction", "DefaultRepairFunction", "DefaultReapFunction"]) {
      const added = Object.entries(variablesOf(graph, name)).filter(([key]) => !key.startsWith("SLABMEND_"));
      const bytes = added.reduce((sum, [key, text]) => sum + key.length + Buffer.byteLength(text), 0);
      // The limit of 512 bytes is SST_BYTES in infra/function-environment.ts.
      expect(bytes).toBeLessThanOrEqual(512);
    }
  });
});

test("an indexer's resources are named after the indexer; topic, budget and network are named after the stage", async () => {
  const graph = graphOf(
    await evaluate({
      environment: { ...ENVIRONMENT, SLABMEND_INDEXER: "main-eu" },
      secrets: {
        MainEuDatabaseUrl: SECRETS.DefaultDatabaseUrl,
        MainEuMigrationSeed: SECRETS.DefaultMigrationSeed,
      },
    }),
  );
  const shared = /^(Alarms|AlarmsPolicy|AlarmsEmail|Budget)$/;
  const ours = graph.resources.filter(({ type }) =>
    /^aws:(sqs|lambda|scheduler|cloudwatch|sns|budgets)\//.test(type),
  );
  expect(ours.length).toBeGreaterThan(20);
  for (const { name } of ours) expect(name).toMatch(shared.test(name) ? shared : /^MainEu[A-Z]/);
  const given = variablesOf(graph, "MainEuReapFunction");
  expect(given).toMatchObject({
    SLABMEND_INDEXER: "main-eu",
    SLABMEND_METRICS_NAMESPACE: "slabmend/production/main-eu",
  });
  expect(one(graph, "cloudwatch/logGroup:LogGroup", "MainEuReapLogs")["name"]).toBe(
    "/slabmend/production/main-eu/reap",
  );
  expect(graph.outputs).toMatchObject({
    logs: "/slabmend/production/main-eu/*",
    dashboard: "slabmend-production-main-eu-fleet",
  });
});

test("SLABMEND_REPAIR_CONCURRENCY sets the mapping's concurrency limit and claim's number of leases", async () => {
  const graph = graphOf(
    await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_REPAIR_CONCURRENCY: "30" } }),
  );
  expect(variablesOf(graph, "DefaultClaimFunction")["SLABMEND_REPAIR_CONCURRENCY"]).toBe("30");
  const mapping = graph.resources.find(({ type }) => type.endsWith(":EventSourceMapping"));
  expect(mapping?.inputs["scalingConfig"]).toEqual({ maximumConcurrency: 30 });
});

test("a variable is passed only to the functions that read it", async () => {
  const graph = graphOf(
    await evaluate({
      environment: { ...ENVIRONMENT, SLABMEND_INDEXD_GRACE_SECONDS: "0", SLABMEND_LOG_LEVEL: "debug" },
    }),
  );
  expect(variablesOf(graph, "DefaultClaimFunction")).toMatchObject({
    SLABMEND_INDEXD_GRACE_SECONDS: "0",
    SLABMEND_LOG_LEVEL: "debug",
  });
  expect(variablesOf(graph, "DefaultReapFunction")).not.toHaveProperty("SLABMEND_INDEXD_GRACE_SECONDS");
});

test("a database URL in the deployment's environment is ignored, because functions get it from SST's secret", async () => {
  const graph = graphOf(
    await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_DATABASE_URL: "postgres://elsewhere/db" } }),
  );
  expect(variablesOf(graph, "DefaultReapFunction")["SLABMEND_DATABASE_URL"]).toBe(SECRETS.DefaultDatabaseUrl);
});

test("a file of certificate authorities is copied next to the bundle", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-ca-"));
  try {
    const file = join(folder, "rds.pem");
    await writeFile(file, makeCertificate({ name: "an authority", isAuthority: true }).cert);
    const zips: Buffer[] = [];
    const graph = graphOf(
      await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_DATABASE_CA: file } }, async (kept) => {
        const artifacts = join(kept, "work/artifacts");
        for (const name of await readdir(artifacts))
          zips.push(await readFile(join(artifacts, name, "code.zip")));
      }),
    );
    expect(zips.map((zip) => zip.includes("database-ca.pem"))).toEqual([true, true, true]);
    for (const name of ["DefaultClaimFunction", "DefaultRepairFunction", "DefaultReapFunction"]) {
      expect(variablesOf(graph, name)["SLABMEND_DATABASE_CA"]).toBe("database-ca.pem");
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the architecture can be x86_64", async () => {
  const graph = graphOf(await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_ARCHITECTURE: "x86_64" } }));
  expect(one(graph, "lambda/function:Function", "DefaultRepairFunction")["architectures"]).toEqual([
    "x86_64",
  ]);
});

test("with SLABMEND_BUDGET_SCOPE=app the AWS budget is limited to resources with the app's tag", async () => {
  const graph = graphOf(
    await evaluate({
      environment: { ...ENVIRONMENT, SLABMEND_BUDGET_SCOPE: "app", SLABMEND_MONTHLY_BUDGET_USD: "50" },
    }),
  );
  expect(one(graph, "budgets/budget:Budget", "Budget")).toMatchObject({
    limitAmount: "50",
    costFilters: [{ name: "TagKeyValue", values: ["user:sst:app$slabmend"] }],
  });
});

test("the documented table of settings equals the code's", () => {
  const deployment = readFileSync(new URL("../../docs/deployment.md", import.meta.url), "utf8");
  expect(tableRows(deployment)).toEqual(expect.arrayContaining(tableRows(describeSettings())));
});

/** The cells of each row of a Markdown table, without the spaces that align them. */
function tableRows(markdown: string): string[][] {
  const rows = markdown.split("\n").filter((line) => line.startsWith("| "));
  return rows.map((row) =>
    row.split(" | ").map((cell) =>
      cell
        .replace(/^-+$/, "---")
        .replaceAll(/^\| | *\|$/g, "")
        .trim(),
    ),
  );
}
