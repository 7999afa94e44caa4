/**
 * Cleans up if this process dies, even by SIGKILL, before it has cleaned up itself. The guard is a small shell that
 * reads a pipe from this process. When the pipe closes, the guard kills the registered processes and removes the
 * registered folders.
 *
 * The alternatives to a guard are worse. PR_SET_PDEATHSIG exists only on Linux, is lost when the child changes its
 * user, and removes no folder. A child that watches the pipe by itself notices nothing while SIGSTOP has frozen it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { LocalRuntimeError } from "./errors.ts";

/**
 * The signal that ends a guarded process. PostgreSQL takes QUIT as an immediate shutdown, in which it also frees its
 * shared memory.
 */
type GuardSignal = "KILL" | "QUIT";

export interface ParentGuard {
  /**
   * Makes the guard end the process `pid` when our process dies. Returns a function that cancels this; call it as soon
   * as the process has ended, because its id may be used again.
   */
  endProcess(pid: number, signal: GuardSignal): () => void;
  /** Makes the guard remove the folder when our process dies. Returns a function that cancels this. */
  removeFolder(folder: string): () => void;
  /** Ends the guard without cleaning up. */
  release(): Promise<void>;
}

// One task per line. Signals that a terminal sends to all processes must not end the guard before it has done its
// tasks.
const SCRIPT = `
trap '' HUP INT TERM PIPE
duties=
while read -r verb duty; do
  case $verb in
    add) duties="$duties$duty
" ;;
    drop) duties=$(printf '%s' "$duties" | grep -vxF -- "$duty")
      duties="$duties
" ;;
    release) exit 0 ;;
  esac
done
each() { printf '%s' "$duties" | while read -r kind what; do "$1" "$kind" "$what"; done; }
signal() { case $1 in KILL|QUIT) kill -s "$1" "$2" 2>/dev/null ;; esac; }
await() { case $1 in KILL|QUIT)
  n=0; while kill -0 "$2" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
  kill -KILL "$2" 2>/dev/null ;; esac; }
clear() { case $1 in folder) rm -rf -- "$2" ;; esac; }
each signal; each await; each clear
`;

/** Starts a guard. One guard handles any number of processes and folders. */
export async function startParentGuard(): Promise<ParentGuard> {
  const shell = spawn("/bin/sh", ["-c", SCRIPT], {
    stdio: ["pipe", "ignore", "ignore"],
    // The guard gets a session of its own, so that Ctrl+C and a kill of our process group do not reach it.
    detached: true,
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
  });
  await started(shell);
  shell.unref();
  const ended = once(shell, "exit");
  // Writing fails if the guard was killed. In this case `removeStaleRunFolders` cleans up in a later run.
  shell.stdin?.on("error", () => {});
  const tell = (line: string): void => void (shell.stdin?.writable && shell.stdin.write(`${line}\n`));
  const duty = (what: string): (() => void) => {
    tell(`add ${what}`);
    return () => tell(`drop ${what}`);
  };
  return {
    // A process that could not be started has no pid of its own, and a kill of pid 0 or 1 would hit other processes.
    endProcess: (pid, signal) => (pid > 1 ? duty(`${signal} ${pid}`) : () => {}),
    removeFolder(folder) {
      if (/[\n\\]/.test(folder) || !folder.startsWith("/") || folder.length < 5) {
        throw new LocalRuntimeError({
          code: "guard-failed",
          message: "guarded folder: expected an absolute path in one line",
          remedy: "Set TMPDIR to an ordinary folder.",
        });
      }
      return duty(`folder ${folder}`);
    },
    async release() {
      shell.ref();
      tell("release");
      shell.stdin?.end();
      await ended;
    },
  };
}

async function started(child: ChildProcess): Promise<void> {
  try {
    await once(child, "spawn");
  } catch (cause) {
    throw new LocalRuntimeError({
      code: "guard-failed",
      message: "could not start /bin/sh, which cleans up if this process is killed",
      remedy: "Run on Linux or macOS with a POSIX shell.",
      cause,
    });
  }
}
