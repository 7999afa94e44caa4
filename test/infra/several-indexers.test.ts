/** One, two and three indexers in one stage: the resources of each indexer, and the independence of the indexers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resourceName } from "../../infra/names.ts";
import { ENVIRONMENT, evaluate } from "./support/evaluate.ts";
import { type Graph, graphOf, statementsOf, variablesOf } from "./support/read-graph.ts";

const parent = mkdtempSync(join(tmpdir(), "slabmend-indexers-"));
afterAll(() => rmSync(parent, { recursive: true }));

const seed = (digit: string): string => digit.repeat(64);
const INDEXERS = {
  archive: { seed: seed("a"), file: "SLABMEND_DAILY_SIACOINS=5\n" },
  "main-eu": { seed: seed("b"), file: "SLABMEND_REPAIR_CONCURRENCY=7\n" },
  test: { seed: seed("c"), file: "" },
} as const;
type Name = keyof typeof INDEXERS;

function folderOf(names: readonly string[], content: (name: string) => string): string {
  const folder = mkdtempSync(join(parent, "indexers-"));
  for (const name of names) writeFileSync(join(folder, `${name}.env`), content(name));
  return folder;
}

function secretsOf(names: readonly Name[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => [
      [
        resourceName(name, "DatabaseUrl"),
        `postgres://slabmend:of-${name}@${name}.example.com/indexd?sslmode=verify-full`,
      ],
      [resourceName(name, "MigrationSeed"), INDEXERS[name].seed],
    ]),
  );
}

async function graphWith(...names: readonly Name[]): Promise<Graph> {
  const folder = folderOf(names, (name) => INDEXERS[name as Name].file);
  const environment = { ...ENVIRONMENT, SLABMEND_INDEXERS: folder };
  return withoutSuffixes(graphOf(await evaluate({ environment, secrets: secretsOf(names) })));
}

/** Removes the random letters with which SST ends physical names. */
function withoutSuffixes(graph: Graph): Graph {
  return JSON.parse(
    JSON.stringify(graph).replace(
      /(slabmend-production-[A-Za-z]+)-[a-z]{8}\b|(?<=RepairsSubscriber)[A-Z][a-z]{5}(?=[A-Z])/g,
      "$1",
    ),
  ) as Graph;
}

let three: Graph;
beforeAll(async () => {
  three = await graphWith("test", "main-eu", "archive");
});

const owned = (graph: Graph, name: string) => {
  const prefix = resourceName(name, "");
  return graph.resources.filter((resource) => resource.name.startsWith(prefix));
};

/** Names of the resources that only one of the graphs has, or whose inputs differ. */
function differing(left: Graph, right: Graph): string[] {
  const lines = (graph: Graph) =>
    new Map(
      graph.resources.map((resource) => [
        `${resource.type} ${resource.name}`,
        JSON.stringify(resource.inputs),
      ]),
    );
  const [a, b] = [lines(left), lines(right)];
  const keys = new Set([...a.keys(), ...b.keys()]);
  return [...keys]
    .filter((key) => a.get(key) !== b.get(key))
    .map((key) => key.split(" ")[1]!)
    .sort();
}

test("each indexer has its own queues, functions, log groups, alarms and dashboard; topic and budget are shared", () => {
  const types = (name: Name) =>
    owned(three, name).map(({ type, name: title }) => type + title.slice(resourceName(name, "").length));
  expect(types("archive").length).toBeGreaterThan(30);
  expect(types("main-eu").sort()).toEqual(types("archive").sort());
  expect(types("test").sort()).toEqual(types("archive").sort());
  const count = (type: string) =>
    three.resources.filter((resource) => resource.type === `aws:${type}`).length;
  expect([count("sns/topic:Topic"), count("budgets/budget:Budget")]).toEqual([1, 1]);
});

test("adding, removing or reordering indexers does not change the resources of other indexers", async () => {
  const two = await graphWith("archive", "test");
  const one = await graphWith("archive");
  const reordered = await graphWith("archive", "main-eu", "test");
  expect(differing(reordered, three)).toEqual([]);
  expect(differing(two, three)).toEqual(
    owned(three, "main-eu")
      .map(({ name }) => name)
      .sort(),
  );
  const others = [...owned(three, "main-eu"), ...owned(three, "test")];
  expect(differing(one, three)).toEqual(others.map(({ name }) => name).sort());
  for (const { name } of owned(one, "archive")) {
    expect([name, three.dependencies[name]]).toEqual([name, one.dependencies[name]]);
  }
});

test("no function gets secrets of, or permissions for, another indexer", () => {
  const titles = ["Claim", "Repair", "Reap"];
  for (const name of Object.keys(INDEXERS) as Name[]) {
    const others = (Object.keys(INDEXERS) as Name[]).filter((other) => other !== name);
    for (const title of titles) {
      const variables = JSON.stringify(variablesOf(three, `${resourceName(name, title)}Function`));
      expect(variables).toContain(`of-${name}@`);
      const statements = JSON.stringify(statementsOf(three, `${resourceName(name, title)}Role`));
      for (const other of others) {
        expect(variables).not.toContain(`of-${other}@`);
        expect(variables).not.toContain(INDEXERS[other].seed);
        expect(statements).not.toMatch(new RegExp(`:${resourceName(other, "")}[A-Z]|/${other}/`));
      }
      expect(statements).not.toMatch(/ssm:|secretsmanager:|kms:/);
    }
  }
});

test("an indexer's file overrides the stage's variables for that indexer only", () => {
  expect(variablesOf(three, "ArchiveClaimFunction")).toMatchObject({ SLABMEND_DAILY_SIACOINS: "5" });
  expect(variablesOf(three, "MainEuClaimFunction")).toMatchObject({ SLABMEND_REPAIR_CONCURRENCY: "7" });
  expect(variablesOf(three, "TestClaimFunction")).not.toHaveProperty("SLABMEND_DAILY_SIACOINS");
});

test("with several indexers the name of each printed output begins with its indexer's name", () => {
  expect(three.outputs).toMatchObject({
    "archive SLABMEND_QUEUE_URL": expect.stringContaining("ArchiveRepairs"),
    "main-eu SLABMEND_REAP_FUNCTION": "slabmend-production-MainEuReapFunction",
    "test logs": "/slabmend/production/test/*",
  });
});

test("a wrong file, a wrong name and a stage-wide setting are refused together, before anything is created", async () => {
  const folder = folderOf(["archive", "Main_EU", "test"], (name) =>
    name === "test" ? "SLABMEND_ALARM_EMAIL=other@example.com\nSLABMEND_INDEXER=x\n" : "",
  );
  const evaluation = await evaluate({
    environment: { ...ENVIRONMENT, SLABMEND_INDEXERS: folder },
    secrets: secretsOf(["archive", "test"]),
  });
  expect(evaluation).toMatchObject({ kind: "refused", registered: [] });
  const { message } = evaluation as { message: string };
  expect(message).toContain("Main_EU.env: expected at most 20 lower-case letters");
  expect(message).toContain("test.env: expected no SLABMEND_INDEXER");
  expect(message).toContain(
    "SLABMEND_ALARM_EMAIL: expected a value for the whole stage, got a value for test alone",
  );
});

test.each([
  [
    { SLABMEND_INDEXERS: "/nowhere" },
    "SLABMEND_INDEXERS: expected a folder with a file NAME.env for each indexer, got ENOENT",
  ],
  [
    { SLABMEND_INDEXERS: parent, SLABMEND_INDEXER: "eu" },
    "SLABMEND_INDEXER: expected no name, because SLABMEND_INDEXERS is set",
  ],
])("%j is refused", async (variables, message) => {
  const evaluation = await evaluate({
    environment: { ...ENVIRONMENT, ...variables } as Record<string, string>,
  });
  expect(evaluation).toMatchObject({ kind: "refused", message: expect.stringContaining(message) });
});
