/** What an operator may get wrong before anything is created. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { describeSettings, readStageSettings } from "../../infra/settings.ts";
import { ENVIRONMENT, evaluate, SECRETS } from "./support/evaluate.ts";
import { graphOf, one, variablesOf } from "./support/read-graph.ts";

describe("a stage without", () => {
  test("a secret is refused, with the command that sets it", async () => {
    const { DatabaseUrl } = SECRETS;
    const refused = await evaluate({ secrets: { DatabaseUrl } });
    expect(refused).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("sst secret set MigrationSeed"),
    });
  });

  test("an e-mail address is refused by name", async () => {
    const refused = await evaluate({ environment: {} });
    expect(refused).toMatchObject({
      kind: "refused",
      message: expect.stringContaining("SLABMEND_ALARM_EMAIL"),
    });
  });
});

test("all problems are reported together", () => {
  expect(() =>
    readStageSettings({
      SLABMEND_ALARM_EMAIL: "nobody",
      SLABMEND_REPAIR_CONCURRENCY: "1",
      SLABMEND_MONTHLY_BUDGET_USD: "-5",
      SLABMEND_VPC: "yes",
    }),
  ).toThrow(
    /SLABMEND_ALARM_EMAIL[\s\S]*SLABMEND_MONTHLY_BUDGET_USD[\s\S]*SLABMEND_REPAIR_CONCURRENCY[\s\S]*SLABMEND_VPC/,
  );
});

test.each([
  [{ SLABMEND_VPC: "existing" }, "SLABMEND_VPC_SUBNETS"],
  [{ SLABMEND_VPC: "new", SLABMEND_VPC_SUBNETS: "subnet-1" }, "SLABMEND_VPC_SUBNETS"],
  [
    { SLABMEND_VPC: "existing", SLABMEND_VPC_SUBNETS: "vpc-1", SLABMEND_VPC_SECURITY_GROUPS: "sg-1" },
    "SUBNETS",
  ],
])("%o is refused", (chosen, named) => {
  expect(() => readStageSettings({ ...ENVIRONMENT, ...chosen })).toThrow(named);
});

test("concurrency decides the mapping and how many leases claim keeps", async () => {
  const graph = graphOf(
    await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_REPAIR_CONCURRENCY: "30" } }),
  );
  expect(variablesOf(graph, "ClaimFunction")["SLABMEND_MAX_IN_FLIGHT"]).toBe("60");
  const mapping = graph.resources.find(({ type }) => type.endsWith(":EventSourceMapping"));
  expect(mapping?.inputs["scalingConfig"]).toEqual({ maximumConcurrency: 30 });
});

test("a function's variable is passed on to those that read it; a wrong value is refused here", async () => {
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
  const refused = await evaluate({
    environment: { ...ENVIRONMENT, SLABMEND_INDEXD_GRACE_SECONDS: "an hour" },
  });
  expect(refused).toMatchObject({
    kind: "refused",
    message: expect.stringContaining("SLABMEND_INDEXD_GRACE_SECONDS"),
  });
});

test("a secret in the environment of the deployment is not used", async () => {
  const graph = graphOf(
    await evaluate({ environment: { ...ENVIRONMENT, SLABMEND_DATABASE_URL: "postgres://elsewhere/db" } }),
  );
  expect(variablesOf(graph, "ReapFunction")["SLABMEND_DATABASE_URL"]).toBe(SECRETS.DatabaseUrl);
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
