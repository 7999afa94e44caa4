import { writeFile } from "node:fs/promises";
import { describeConsoleTypes } from "./describe-console-types.ts";

await writeFile(
  new URL("../lib/console/browser/openapi/schema.ts", import.meta.url),
  await describeConsoleTypes(),
);
