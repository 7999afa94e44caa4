import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Swarm, SwarmHost, SwarmOptions } from "./swarm.ts";
import { SwarmError } from "./swarm-error.ts";
import type { FromSwarm, HostCall, ToSwarm } from "./swarm-messages.ts";

export interface SwarmInProcess extends Swarm {
  /** Process id, for measurements. */
  readonly pid: number;
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Starts a swarm in a process of its own. The swarm's process ends when `stop()` is called or when this process ends.
 */
export async function startSwarmProcess(options: SwarmOptions): Promise<SwarmInProcess> {
  const child = fork(fileURLToPath(new URL("./swarm-process.ts", import.meta.url)), {
    serialization: "advanced",
    // The child gets none of this process's Node.js options, such as a debugger's port or a test runner's loader.
    execArgv: [],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  const channel = new SwarmChannel(child, exited);
  const addresses = await channel.start(options);
  const hosts = addresses.map(({ hostKey, address }, index) =>
    remoteHost(channel, { index, hostKey, address }),
  );
  return {
    pid: child.pid ?? 0,
    hosts,
    setTipHeight: async (height) => {
      await channel.request((id) => ({ kind: "set-tip-height", id, height }));
    },
    stop: async () => {
      channel.send({ kind: "stop" });
      await exited;
    },
  };
}

/**
 * Sends requests to the swarm's process and receives the replies. When that process ends, the pending requests fail.
 */
class SwarmChannel {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, PendingCall>();
  readonly #started: Promise<Extract<FromSwarm, { kind: "started" }>["hosts"]>;
  #lastId = 0;
  #ended = false;

  constructor(child: ChildProcess, exited: Promise<void>) {
    this.#child = child;
    this.#started = new Promise((resolve, reject) => {
      child.on("message", (message: FromSwarm) => {
        if (message.kind === "started") resolve(message.hosts);
        else if (message.kind === "start-failed") reject(processEnded(message.message));
        else this.#settle(message);
      });
      void exited.then(() => {
        this.#ended = true;
        const error = processEnded("its process has ended");
        reject(error);
        for (const { reject: rejectCall } of this.#pending.values()) rejectCall(error);
        this.#pending.clear();
      });
    });
  }

  start(options: SwarmOptions): Promise<Extract<FromSwarm, { kind: "started" }>["hosts"]> {
    const { hostCount, dir, seed, prices, listen, tipHeight, capacitySectors } = options;
    const plain = { hostCount, dir, seed, prices, listen, tipHeight, capacitySectors } as SwarmOptions;
    this.send({ kind: "start", options: plain });
    return this.#started;
  }

  request(message: (id: number) => ToSwarm): Promise<unknown> {
    if (this.#ended) return Promise.reject(processEnded("its process has ended"));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.send(message(id));
    });
  }

  send(message: ToSwarm): void {
    if (!this.#child.connected) return;
    // If sending fails, the swarm's process is about to end; when it exits, all pending requests fail.
    this.#child.send(message, () => undefined);
  }

  #settle(message: Extract<FromSwarm, { id: number }>): void {
    const call = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === "result") call?.resolve(message.value);
    else call?.reject(remoteFailure(message.code, message.message));
  }
}

/** The names of all calls. This is a record, so that the compiler reports a missing name. */
const HOST_CALLS: Readonly<Record<HostCall, true>> = {
  setSwitches: true,
  setPrices: true,
  expirePrices: true,
  fund: true,
  balance: true,
  putSector: true,
  hasSector: true,
  dropSector: true,
  pinSector: true,
  sectorExpiration: true,
  sectorRoots: true,
  readSectorFile: true,
  setContract: true,
  counters: true,
  resetCounters: true,
  restart: true,
};

function remoteHost(
  channel: SwarmChannel,
  facts: Pick<SwarmHost, "index" | "hostKey" | "address">,
): SwarmHost {
  const call =
    (name: HostCall) =>
    (...args: unknown[]) =>
      channel.request((id) => ({ kind: "call", id, host: facts.index, name, args }));
  const calls = Object.fromEntries((Object.keys(HOST_CALLS) as HostCall[]).map((name) => [name, call(name)]));
  return { ...facts, ...calls } as unknown as SwarmHost;
}

function processEnded(message: string): SwarmError {
  return new SwarmError({
    code: "process-ended",
    message: `host swarm: ${message}`,
    remedy: "Start it again.",
  });
}

function remoteFailure(code: string, message: string): SwarmError {
  return new SwarmError({
    code:
      code === "wrong-sector" || code === "no-such-sector" || code === "no-port" ? code : "remote-failure",
    message,
    remedy: "See the message.",
  });
}
