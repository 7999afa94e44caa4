import { expect, test } from "vitest";
import { readStageSettings } from "../../infra/settings.ts";
import { DEFAULT_REPAIR_CONCURRENCY } from "../../lib/config/repair-concurrency.ts";
import { connectionLimit, LEFT_FOR_INDEXD } from "../../lib/database/schema/grant-statements.ts";
import { runCli } from "./run-cli.ts";

const NAME = "SLABMEND_REPAIR_CONCURRENCY";

/** The connection limit of the role that `grant` makes. */
async function limitOf(text: string | undefined, ...options: string[]): Promise<number> {
  const { out } = await runCli(["grant", ...options], { environment: { [NAME]: text } });
  return Number(/CONNECTION LIMIT (\d+)/i.exec(out)?.[1]);
}

test.each([
  ["the option, which overrides the stage's setting", "20", ["--concurrency", "2000"], 2_000],
  ["the stage's own", "1000", [], 1_000],
  ["a single worker", "1", [], 1],
  ["an empty setting, which counts as unset", "", [], DEFAULT_REPAIR_CONCURRENCY],
  ["none", undefined, [], DEFAULT_REPAIR_CONCURRENCY],
])("the number of simultaneous repairs that grant allows for: %s", async (_name, text, options, expected) => {
  expect(await limitOf(text, ...options)).toBe(connectionLimit(expected));
});

test("the default concurrency is the same for stages and commands, and leaves indexd enough of 100 connections", () => {
  expect(readStageSettings({}).settings[NAME]).toBe(DEFAULT_REPAIR_CONCURRENCY);
  const reserved = 3;
  expect(connectionLimit(DEFAULT_REPAIR_CONCURRENCY) + LEFT_FOR_INDEXD + reserved).toBeLessThanOrEqual(100);
});

test.each(["0", "1001", "99999", "-1", "1e2", "many", " 5"])(
  "a concurrency of %j is refused by grant, doctor and a stage",
  async (text) => {
    for (const command of ["grant", "doctor"]) {
      const { code, err } = await runCli([command], { environment: { [NAME]: text } });
      expect(code).toBe(3);
      expect(err).toContain(`${NAME}: expected a whole number of repairs from 1 to 1000, got`);
    }
    expect(readStageSettings({ [NAME]: text }).problems.map(({ name }) => name)).toContain(NAME);
  },
);
