#!/usr/bin/env node
// Starts bin/slabmend.ts with a Node that runs TypeScript as it is: this one, or else the one that npm installed beside
// us. Written for the oldest Node that npm itself runs on. Node strips no types below node_modules, so slabmend runs from
// a clone, not as a dependency: docs/decisions/0241.
import { spawn } from "node:child_process";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, findNode, requirePackage } from "./require-installed.js";

const COMMAND = "slabmend";
const script = fileURLToPath(new URL("./slabmend.ts", import.meta.url));

if (script.includes(`${sep}node_modules${sep}`)) {
  fail(COMMAND, "expected to run from a clone of its repository, not from node_modules.\nClone it, run npm ci there, then npx slabmend in that folder.");
}
requirePackage(COMMAND, "commander", "Run npm ci in the clone.");
const node = findNode(COMMAND);
if (node === undefined) {
  await import("./slabmend.ts");
} else {
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl+C to both; other senders know only this process.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => name !== "SIGINT" && child.kill(name));
  child.on("error", (error) => fail(COMMAND, `could not start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}
