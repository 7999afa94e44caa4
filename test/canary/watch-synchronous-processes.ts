/** Records synchronous child processes, which bypass ChildProcess. */
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";
import { recordTrace } from "./recorder.ts";
import { rememberVariables } from "./remember-variables.ts";

type Run = (...args: unknown[]) => unknown;
/** The result of spawnSync, and the error that the other functions throw. */
interface Ended {
  readonly stdout?: unknown;
  readonly stderr?: unknown;
}

/** Call it once. */
export function watchSynchronousProcesses(): void {
  for (const name of ["spawnSync", "execFileSync", "execSync"] as const) {
    const run = childProcess[name] as Run;
    Object.assign(childProcess, {
      [name](...args: unknown[]) {
        const [file, list] = args;
        const program = Array.isArray(list) ? [file, ...list] : [file];
        recordTrace(`command line of ${basename(String(file))}`, program.join("\n"));
        const options = args.at(-1) as { env?: Record<string, string> } | undefined;
        rememberVariables(Object.entries(options?.env ?? {}));
        try {
          const result = run(...args);
          record(program, name === "spawnSync" ? (result as Ended) : { stdout: result });
          return result;
        } catch (error) {
          record(program, error as Ended);
          throw error;
        }
      },
    });
  }
  syncBuiltinESMExports();
}

function record(program: readonly unknown[], ended: Ended): void {
  for (const output of ["stdout", "stderr"] as const) {
    const text = ended[output];
    if (typeof text !== "string" && !(text instanceof Uint8Array)) continue;
    recordTrace(`${output} of ${basename(String(program[0]))}, which was waited for`, text);
  }
}
