import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { describeJson } from "../../scripts/describe-json.ts";

test("docs/json.md is what `npm run docs:json` writes", async () => {
  expect(await readFile(new URL("../../docs/json.md", import.meta.url), "utf8")).toBe(describeJson());
});
