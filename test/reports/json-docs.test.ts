import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { describeJson } from "../../scripts/describe-json.ts";

test("docs/json.md equals the output of `npm run docs:json`", async () => {
  expect(await readFile(new URL("../../docs/json.md", import.meta.url), "utf8")).toBe(describeJson());
});
