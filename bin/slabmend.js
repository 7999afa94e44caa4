#!/usr/bin/env node
// Starts bin/slabmend.ts with a Node that runs TypeScript as it is: this one, or else the one that npm installed beside
// us. Written for the oldest Node that npm itself runs on. Node strips no types below node_modules, so slabmend runs from
// a clone, not as a dependency: docs/decisions/0241.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const LEAST_NODE = 24;
const script = fileURLToPath(new URL("./slabmend.ts", import.meta.url));
const fail = (message) => {
  process.stderr.write(`slabmend: ${message}\n`);
  process.exit(3);
};

if (script.includes(`${sep}node_modules${sep}`)) {
  fail("expected to run from a clone of its repository, not from node_modules.\nClone it, run npm ci there, then npx slabmend in that folder.");
}
if (Number(process.versions.node.split(".")[0]) >= LEAST_NODE) {
  await import("./slabmend.ts");
} else {
  const node = join(dirname(script), "..", "node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!existsSync(node)) {
    fail(`expected Node.js ${LEAST_NODE} or newer, got ${process.versions.node} and none in node_modules.\nRun npm ci, which installs one beside us, or use a newer Node.js.`);
  }
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl+C to both; other senders know only this process.
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => name !== "SIGINT" && child.kill(name));
  child.on("error", (error) => fail(`could not start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));
}
