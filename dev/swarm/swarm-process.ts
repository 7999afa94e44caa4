import { SlabmendError } from "../../lib/errors/slabmend-error.ts";
import { startSwarm } from "./start-swarm.ts";
import type { Swarm, SwarmHost } from "./swarm.ts";
import type { FromSwarm, HostCall, ToSwarm } from "./swarm-messages.ts";

/**
 * A swarm in its own process, so that the hosts' CPU time does not count for the workers. Forked by
 * start-swarm-process.ts. It lives as long as its parent: when the channel closes for any reason, it removes its files
 * and ends.
 */

/** Time limit for cleaning up. When it has passed, the process kills itself, because it must not outlive its parent. */
const END_GRACE_MS = 10_000;

let starting: Promise<Swarm> | undefined;
let ending: Promise<void> | undefined;

function send(message: FromSwarm): void {
  if (process.connected) process.send?.(message);
}

async function start(options: Extract<ToSwarm, { kind: "start" }>["options"]): Promise<void> {
  try {
    starting = startSwarm(options);
    const { hosts } = await starting;
    send({ kind: "started", hosts: hosts.map(({ hostKey, address }) => ({ hostKey, address })) });
  } catch (error) {
    send({ kind: "start-failed", message: error instanceof Error ? error.message : String(error) });
    await end();
  }
}

async function reply(id: number, work: (swarm: Swarm) => Promise<unknown>): Promise<void> {
  try {
    if (starting === undefined) throw new Error("the first message must start the swarm");
    send({ kind: "result", id, value: await work(await starting) });
  } catch (error) {
    const code = error instanceof SlabmendError ? error.code : "remote-failure";
    send({ kind: "failure", id, code, message: error instanceof Error ? error.message : String(error) });
  }
}

async function callHost(swarm: Swarm, index: number, name: HostCall, args: unknown[]): Promise<unknown> {
  const host = swarm.hosts[index];
  if (host === undefined) throw new Error(`no host ${index}`);
  // The parent calls through proxies of the type SwarmHost, so name and arguments are valid.
  const method = host[name] as (this: SwarmHost, ...args: unknown[]) => Promise<unknown>;
  return method.apply(host, args);
}

function end(): Promise<void> {
  ending ??= (async () => {
    setTimeout(() => process.kill(process.pid, "SIGKILL"), END_GRACE_MS);
    await starting?.then(
      (swarm) => swarm.stop(),
      () => undefined,
    );
    if (process.connected) process.disconnect();
    process.exit(0);
  })();
  return ending;
}

process.on("message", (message: ToSwarm) => {
  switch (message.kind) {
    case "start":
      return void start(message.options);
    case "call":
      return void reply(message.id, (swarm) => callHost(swarm, message.host, message.name, message.args));
    case "set-tip-height":
      return void reply(message.id, (swarm) => swarm.setTipHeight(message.height));
    case "stop":
      return void end();
  }
});
process.on("disconnect", () => void end());
process.on("SIGTERM", () => void end());
// Ctrl+C reaches every process of the terminal, and this process ignores it: the parent handles it, and stops the swarm
// last.
process.on("SIGINT", () => undefined);
