#!/usr/bin/env node
// Starts bin/slabmend.ts with a Node that runs TypeScript as it is: this one, or else the one that npm installed beside
// us. Written for the oldest Node that npm itself runs on. Node strips no types below node_modules: the published package
// carries compiled code, and this starts that: docs/decisions/0001-dependencies.md.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, findNode, requirePackage } from "./require-installed.js";

const COMMAND = "slabmend";
const LOOK_EVERY_MS = 1_000;
/** What ends a command that is told to end twice: docs/command-line.md has one code for it. */
const ASKED = ["SIGINT", "SIGTERM", "SIGHUP"];
/** Set for the process that this one starts, for itself alone. */
const LAUNCHED = "SLABMEND_LAUNCHED";
const compiled = new URL("../dist/bin/slabmend.js", import.meta.url);
const isCompiled = existsSync(fileURLToPath(compiled));

if (!isCompiled) {
  if (fileURLToPath(import.meta.url).includes(`${sep}node_modules${sep}`)) {
    fail(COMMAND, "expected compiled code or a clone, got TypeScript below node_modules.\nInstall what `npm run pack` makes, or clone the repository and run npm ci there.");
  }
  requirePackage(COMMAND, "commander", "Run npm ci in the clone.");
}
const node = findNode(COMMAND);
if (node === undefined) {
  const ending = new AbortController();
  // systemd tells every process of a service to end, and the launcher passes it on: that is one signal, not two.
  const sameMs = process.env[LAUNCHED] === undefined ? 0 : 300;
  delete process.env[LAUNCHED];
  let toldAtMs = 0;
  for (const name of ["SIGINT", "SIGTERM"]) {
    process.on(name, () => {
      // The second one ends the process at once. Not by the system's own handling: a container's first process has none.
      if (!ending.signal.aborted) {
        toldAtMs = Date.now();
        ending.abort(new Error(name));
      } else if (Date.now() - toldAtMs >= sameMs) process.exit(130);
    });
  }
  whenNpmIsGone(() => process.kill(process.pid, "SIGTERM"));
  // Listened to before it is loaded: that takes a while, and nothing that comes meanwhile is lost.
  const { run } = await import(isCompiled ? compiled.href : "./slabmend.ts");
  await run(ending.signal);
} else {
  // This file again, so that the other Node looks after its parents too.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, [LAUNCHED]: "1" },
  });
  // A terminal sends Ctrl+C to both; other senders know only this process.
  const isFromTerminal = process.stdin.isTTY === true;
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(name, () => (name === "SIGINT" && isFromTerminal) || child.kill(name));
  }
  whenNpmIsGone(() => child.kill("SIGTERM"));
  child.on("error", (error) => fail(COMMAND, `could not start ${node}: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code ?? (ASKED.includes(signal) ? 130 : 128 + constants.signals[signal])));
}

/**
 * npx and npm start a command by a shell, and tell neither when they are ended themselves: without this a worker would go on by
 * itself. Only then: started by a shell (nohup, setsid) a command may outlive it.
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

/** Where there is no /proc, the shell of npm is usually npm's command itself. */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}
