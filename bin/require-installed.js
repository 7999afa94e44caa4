// Checks what TypeScript needs to run. Plain JavaScript for the oldest Node that npm itself runs on.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const LEAST_NODE = 24;
const MODULES = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules");

/**
 * Ends the process with a remedy if the command's packages are not installed.
 * @param {string} command as typed by the user
 * @param {string} aPackage any one of the packages that are installed together
 * @param {string} remedy
 */
export function requirePackage(command, aPackage, remedy) {
  if (!existsSync(join(MODULES, aPackage))) fail(command, `expected the package ${aPackage} in node_modules, got none.\n${remedy}`);
}

/** The Node to run TypeScript with: undefined for the running one, else the one in node_modules. */
export function findNode(command) {
  if (Number(process.versions.node.split(".")[0]) >= LEAST_NODE) return undefined;
  const node = join(MODULES, "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (!existsSync(node)) {
    fail(
      command,
      `expected Node.js ${LEAST_NODE} or newer, got ${process.versions.node} and none in node_modules.\n` +
        "Use a newer Node.js; in a clone, npm ci installs one (not with --ignore-scripts).",
    );
  }
  return node;
}

/** @returns {never} */
export function fail(command, message) {
  process.stderr.write(`${command}: ${message}\n`);
  process.exit(3);
}
