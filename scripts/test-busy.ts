/**
 * `npm run test:busy`: runs the tests while two loops keep two cores busy, as on a machine with other load. Arguments
 * go to vitest. The loops always end with this process.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../", import.meta.url));
const LOOPS = 2;
/** Keeps checking its parent: when the parent is gone, even by SIGKILL, the loop ends. */
const LOOP = `while (process.ppid === ${process.pid});`;

const loops = Array.from({ length: LOOPS }, () =>
  spawn(process.execPath, ["--eval", LOOP], { stdio: "inherit" }),
);
const endLoops = (): void => {
  for (const loop of loops) loop.kill("SIGKILL");
};
process.on("exit", endLoops);

const vitest = spawn(join(REPOSITORY, "node_modules/.bin/vitest"), ["run", ...process.argv.slice(2)], {
  cwd: REPOSITORY,
  stdio: "inherit",
});
// Ctrl+C reaches the tests too, which then end in an orderly way.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => vitest.kill(signal));
process.exitCode = await exitCodeOf(vitest).finally(endLoops);

async function exitCodeOf(child: ChildProcess): Promise<number> {
  const [code] = (await once(child, "close")) as [number | null];
  return code ?? 1;
}
