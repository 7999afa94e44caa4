#!/usr/bin/env node
// Starts bin/slabmend.ts with a Node that runs TypeScript directly: the running one, else the one in node_modules.
// Written for the oldest Node that npm itself runs on. Node does not strip types below node_modules, so the published
// package contains compiled code, which this file starts instead: docs/decisions/0001-dependencies.md.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, findNode, requirePackage } from "./require-installed.js";

const COMMAND = "slabmend";
const LOOK_EVERY_MS = 1_000;
/**
 * What a launcher passes on instead of SIGINT and SIGTERM, so that the process that it started can tell it from a
 * signal of its own.
 */
const PASSED_ON = "SIGUSR2";
/** Exit code 130: docs/command-line.md. */
const ASKED = ["SIGINT", "SIGTERM", "SIGHUP", PASSED_ON];
/** Set for the process started here; that process removes it before it starts others. */
const LAUNCHED = "SLABMEND_LAUNCHED";
const compiled = new URL("../dist/bin/slabmend.js", import.meta.url);
const isCompiled = existsSync(fileURLToPath(compiled));

if (!isCompiled) {
  if (fileURLToPath(import.meta.url).includes(`${sep}node_modules${sep}`)) {
    fail(COMMAND, "expected compiled code or a clone, got TypeScript below node_modules.\nInstall the package from `npm run pack`, or clone the repository and run npm ci there.");
  }
  requirePackage(COMMAND, "commander", "Run npm ci in the clone.");
}
const node = findNode(COMMAND);
if (node === undefined) {
  const ending = new AbortController();
  // systemd signals every process of a service, and the launcher passes its signal on, however late: these two count as
  // one.
  const isLaunched = process.env[LAUNCHED] !== undefined;
  delete process.env[LAUNCHED];
  const told = { itself: 0, launcher: 0 };
  for (const name of ["SIGINT", "SIGTERM", ...(isLaunched ? [PASSED_ON] : [])]) {
    const who = name === PASSED_ON ? "launcher" : "itself";
    process.on(name, () => {
      told[who] += 1;
      // The second signal ends the process at once. Done here, because the default action does not apply to a
      // container's first process.
      if (told[who] > 1) process.exit(130);
      ending.abort(new Error(name));
    });
  }
  whenNpmIsGone(() => process.kill(process.pid, "SIGTERM"));
  // The handler is set before loading, which takes a while, so that no signal is lost meanwhile.
  const { run } = await import(isCompiled ? compiled.href : "./slabmend.ts");
  await run(ending.signal);
} else {
  // Starts this file again, so that the other Node also watches its parents.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, [LAUNCHED]: "1" },
  });
  // A terminal sends Ctrl+C to both processes; other senders signal only this one.
  const isFromTerminal = process.stdin.isTTY === true;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(name, () => (name === "SIGINT" && isFromTerminal) || child.kill(name === "SIGHUP" ? name : PASSED_ON));
  }
  whenNpmIsGone(() => child.kill(PASSED_ON));
  child.on("error", (error) => fail(COMMAND, `could not start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (ASKED.includes(signal) ? 130 : 128 + constants.signals[signal])));
}

/**
 * npx and npm start a command through a shell and pass no signal on when they are ended: without this check a worker
 * would be left running. Other commands are not checked: one started from a user's shell (nohup, setsid) may outlive
 * that shell.
 */
function whenNpmIsGone(act) {
  if (process.env.npm_command === undefined) return;
  const shell = process.ppid;
  const npm = parentOf(shell);
  const timer = setInterval(() => {
    if (process.ppid === shell && parentOf(shell) === npm) return;
    clearInterval(timer);
    act();
  }, LOOK_EVERY_MS);
  timer.unref();
}

/** Without /proc: npm's shell has usually replaced itself with the command. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
