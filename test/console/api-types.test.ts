import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { describeConsoleTypes } from "../../scripts/describe-console-types.ts";

test("the console's types equal the API's description (update them with scripts/write-console-types.ts)", async () => {
  const file = new URL("../../lib/console/browser/openapi/schema.ts", import.meta.url);
  expect(await readFile(file, "utf8")).toBe(await describeConsoleTypes());
});
