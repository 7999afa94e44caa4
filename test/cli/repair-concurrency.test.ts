import { expect, test } from "vitest";
import { readStageSettings } from "../../infra/settings.ts";
import { repairConcurrency } from "../../lib/cli/command/repair-concurrency.ts";

const NAME = "SLABMEND_REPAIR_CONCURRENCY";

test.each([
  ["the option, whatever the stage has", 2_000, "20", 2_000],
  ["the stage's own", undefined, "1000", 1_000],
  ["one worker of one's own", undefined, "1", 1],
  ["an empty setting is none", undefined, "", 100],
  ["none", undefined, undefined, 100],
])("%s", (_name, option, text, expected) => {
  expect(repairConcurrency(option, { [NAME]: text })).toBe(expected);
});

test("the concurrency assumed without a setting is the one that a stage has by default", () => {
  expect(readStageSettings({}).settings[NAME]).toBe(repairConcurrency(undefined, {}));
});

test.each(["0", "1001", "99999", "-1", "1e2", "many", " 5"])(
  "%j is refused, as a stage refuses it",
  (text) => {
    expect(() => repairConcurrency(undefined, { [NAME]: text })).toThrow(/from 1 to 1000, got/);
    expect(readStageSettings({ [NAME]: text }).problems.map(({ name }) => name)).toContain(NAME);
  },
);
