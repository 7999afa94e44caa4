/** What an operator may get wrong before anything is created. */
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
  SST_SECRET_DatabaseUrl: SECRETS.DatabaseUrl,
  SST_SECRET_MigrationSeed: SECRETS.MigrationSeed,
};

describe("a stage is refused before anything is registered", () => {
  test.each([
    ["without secrets", { secrets: {} }, ["secret DatabaseUrl", "secret MigrationSeed"]],
    [
      "with a wrong variable",
      { environment: { ...ENVIRONMENT, SLABMEND_LEASE_SECONDS: "soon" } },
      ["SLABMEND_LEASE_SECONDS"],
    ],
  ])("%s", async (_what, request, named) => {
    const refused = await evaluate(request);
    if (refused.kind !== "refused") throw new Error("it was evaluated");
    expect(refused.registered).toEqual([]);
    for (const name of named) expect(refused.message).toContain(name);
  });
});

describe("what is wrong with a stage", () => {
  const refusal = async (environment: Record<string, string>): Promise<string> =>
    checkStage("trial", environment).then(
      () => "nothing",
      (error: unknown) => {
        expect(error).toBeInstanceOf(StageError);
        return (error as StageError).message;
      },
    );

  test("is nothing when it is not", async () => {
    expect(await refusal(GOOD)).toBe("nothing");
  });

  test("is said all together, of settings, of every function's variables and of secrets, each once", async () => {
    const message = await refusal({
      SLABMEND_ALARM_EMAIL: "nobody",
      SLABMEND_REPAIR_CONCURRENCY: "1",
      SLABMEND_MONTHLY_BUDGET_USD: "-5",
      SLABMEND_VPC: "new",
      SLABMEND_VPC_SUBNETS: "subnet-1",
      SLABMEND_INDEXD_GRACE_SECONDS: "an hour",
      SLABMEND_COPY_PRICE_MULTIPLE: "0",
      SLABMEND_QUARANTINE_SECONDS: "x",
      SLABMEND_LOG_LEVEL: "loud",
    });
    const named = [...message.matchAll(/^ {2}(?:secret )?(\w+): expected .+, got .+$/gm)].map(
      ([, name]) => name,
    );
    expect(named.toSorted()).toEqual([
      "DatabaseUrl",
      "MigrationSeed",
      "SLABMEND_ALARM_EMAIL",
      "SLABMEND_COPY_PRICE_MULTIPLE",
      "SLABMEND_INDEXD_GRACE_SECONDS",
      "SLABMEND_LOG_LEVEL",
      "SLABMEND_MONTHLY_BUDGET_USD",
      "SLABMEND_QUARANTINE_SECONDS",
      "SLABMEND_REPAIR_CONCURRENCY",
      "SLABMEND_VPC_SUBNETS",
    ]);
  });

  test("comes with how to mend it; a secret's value is never an argument", async () => {
    const message = await refusal({ ...ENVIRONMENT });
    expect(message).toContain("npx sst secret set DatabaseUrl --stage trial");
    expect(message).toContain("npx sst secret set MigrationSeed --stage trial");
    expect(message).not.toContain("<value>");
    expect(await refusal({ ...GOOD, SLABMEND_VPC: "yes" })).toContain(".env.trial");
  });

  const url = "postgres://slabmend:hunter2canary@";
  test.each([
    [
      "a seed of 31 bytes",
      "MigrationSeed",
      "c0".repeat(31),
      "expected 64 hex digits (32 bytes), got 62 characters",
    ],
    ["a seed with a line end", "MigrationSeed", `${SECRETS.MigrationSeed}\n`, "got 65 characters"],
    ["another database's URL", "DatabaseUrl", "mysql://u:hunter2canary@db/indexd", "begins with postgres://"],
    ["a URL without database", "DatabaseUrl", `${url}db.example.com`, "expected the name of a database"],
    [
      "no TLS to a public host",
      "DatabaseUrl",
      `${url}8.8.8.8/indexd`,
      "expected TLS to the public host 8.8.8.8",
    ],
    [
      "TLS that gives in",
      "DatabaseUrl",
      `${url}8.8.8.8/indexd?sslmode=prefer`,
      "an sslmode that falls back to none",
    ],
  ])("%s, without repeating it", async (_what, name, value, said) => {
    const message = await refusal({ ...GOOD, [`SST_SECRET_${name}`]: value });
    expect(message).toContain(`secret ${name}: `);
    expect(message).toContain(said);
    expect(message).not.toMatch(/hunter2canary|c0c0c0/);
  });

  test("a private host may go without TLS", async () => {
    expect(await refusal({ ...GOOD, SST_SECRET_DatabaseUrl: `${url}10.0.0.5/indexd` })).toBe("nothing");
  });

  test("authorities that are none, or that the URL does not let be used", async () => {
    expect(await refusal({ ...GOOD, SLABMEND_DATABASE_CA: "/nowhere/ca.pem" })).toContain(
      "SLABMEND_DATABASE_CA: ",
    );
    const authority = makeCertificate({ name: "an authority", isAuthority: true });
    expect(await refusal({ ...GOOD, SLABMEND_DATABASE_CA: authority.cert })).toBe("nothing");
    const unused = {
      ...GOOD,
      SLABMEND_DATABASE_CA: authority.cert,
      SST_SECRET_DatabaseUrl: `${url}10.0.0.5/indexd`,
    };
    expect(await refusal(unused)).toContain("secret DatabaseUrl: expected sslmode=verify-full");
  });

  test("a variable that only together with a default is wrong", async () => {
    expect(await refusal({ ...GOOD, SLABMEND_HEARTBEAT_SECONDS: "100" })).toContain(
      "expected at most a third of SLABMEND_LEASE_SECONDS (120)",
    );
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

test("concurrency decides the mapping and how many leases claim keeps", async () => {
  const graph = graphOf(
    await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_REPAIR_CONCURRENCY: "30" } }),
  );
  expect(variablesOf(graph, "ClaimFunction")["SLABMEND_MAX_IN_FLIGHT"]).toBe("60");
  const mapping = graph.resources.find(({ type }) => type.endsWith(":EventSourceMapping"));
  expect(mapping?.inputs["scalingConfig"]).toEqual({ maximumConcurrency: 30 });
});

test("a function's variable is passed on to those that read it", async () => {
  const graph = graphOf(
    await evaluate({
      environment: { ...ENVIRONMENT, SLABMEND_INDEXD_GRACE_SECONDS: "0", SLABMEND_LOG_LEVEL: "debug" },
    }),
  );
  expect(variablesOf(graph, "ClaimFunction")).toMatchObject({
    SLABMEND_INDEXD_GRACE_SECONDS: "0",
    SLABMEND_LOG_LEVEL: "debug",
  });
  expect(variablesOf(graph, "ReapFunction")).not.toHaveProperty("SLABMEND_INDEXD_GRACE_SECONDS");
});

test("a secret in the environment of the deployment is not used", async () => {
  const graph = graphOf(
    await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_DATABASE_URL: "postgres://elsewhere/db" } }),
  );
  expect(variablesOf(graph, "ReapFunction")["SLABMEND_DATABASE_URL"]).toBe(SECRETS.DatabaseUrl);
});

test("authorities given as a file are beside the bundle", async () => {
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
    for (const name of ["ClaimFunction", "RepairFunction", "ReapFunction"]) {
      expect(variablesOf(graph, name)["SLABMEND_DATABASE_CA"]).toBe("database-ca.pem");
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("x86_64 can be chosen", async () => {
  const graph = graphOf(await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_ARCHITECTURE: "x86_64" } }));
  expect(one(graph, "lambda/function:Function", "RepairFunction")["architectures"]).toEqual(["x86_64"]);
});

test("the budget can follow the app's tag", async () => {
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

test("the table of settings is what the code reads", () => {
  const deployment = readFileSync(new URL("../../docs/deployment.md", import.meta.url), "utf8");
  expect(deployment).toContain(describeSettings());
});
