/** A swarm of hosts made of the Foundation's crates (test/interop/rust-host), in a separate process. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import * as v from "valibot";
import type { HostCounters } from "../../../dev/swarm/host-counters.ts";
import { HEALTHY_SWITCHES, type HostSwitches } from "../../../dev/swarm/host-switches.ts";
import type { Swarm, SwarmHost } from "../../../dev/swarm/swarm.ts";
import { hexOf, parseHostKey } from "../../../lib/slab/ids.ts";

export interface RustHostsOptions {
  readonly hostCount: number;
  /** Parent folder of the sectors; the caller removes it. */
  readonly folder: string;
  readonly seed: string;
  /** The packet size of siamux. The default is the crate's: 4320 bytes. */
  readonly packetBytes?: number;
}

/** A fault that only these hosts have: see test/interop/rust-host/src/host/switches.rs. */
interface OwnSwitches {
  readonly keepsFailedConnections: boolean;
}
type Switches = HostSwitches & OwnSwitches;

export interface RustHost extends SwarmHost {
  setSwitches(change: Partial<Switches>): Promise<Switches>;
  /** No faults. */
  heal(): Promise<void>;
}

export interface RustHosts extends Swarm {
  readonly hosts: readonly RustHost[];
}

/** The switches that these hosts support. Setting another switch is an error, so that no test relies on it. */
const KNOWN: readonly (keyof Switches)[] = [
  "availability",
  "corruptsData",
  "sendsWrongProofs",
  "servesOtherSector",
  "findsSectorsCorrupt",
  "outOfFunds",
  "full",
  "shuttingDown",
  "refusesWritesEarly",
  "stallsReadsAfterBytes",
  "keepsFailedConnections",
];

const Started = v.array(v.object({ hostKey: v.string(), address: v.string() }));
const Answer = v.union([v.object({ value: v.unknown() }), v.object({ error: v.string() })]);
const Counters = v.looseObject({
  hastingsCharged: v.pipe(
    v.string(),
    v.transform((text) => BigInt(text)),
  ),
});

export async function startRustHosts(binary: string, options: RustHostsOptions): Promise<RustHosts> {
  const child = spawn(binary, ["serve", JSON.stringify(options)], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (): Promise<unknown> => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error(`${binary} has ended`);
    return JSON.parse(value);
  };
  let last: Promise<unknown> = Promise.resolve();
  /** One command at a time, because answers have no ids. */
  const command = (host: number, what: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const answered = last.then(async () => {
      child.stdin.write(`${JSON.stringify({ host, ...what })}\n`);
      const answer = v.parse(Answer, await nextLine());
      if ("error" in answer) throw new Error(`host ${host}, ${what["do"]}: ${answer.error}`);
      return answer.value;
    });
    last = answered.catch(() => undefined);
    return answered;
  };
  const started = v.parse(Started, await nextLine());
  return {
    hosts: started.map(({ hostKey, address }, index) =>
      rustHost({ index, hostKey: parseHostKey(hostKey), address }, (what) => command(index, what)),
    ),
    setTipHeight: unsupported("setTipHeight"),
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

function rustHost(
  facts: Pick<SwarmHost, "index" | "hostKey" | "address">,
  command: (what: Readonly<Record<string, unknown>>) => Promise<unknown>,
): RustHost {
  const healthy: Switches = { ...HEALTHY_SWITCHES, keepsFailedConnections: false };
  let switches = healthy;
  const send = async (next: Switches): Promise<void> => {
    const { findsSectorsCorrupt: corrupt } = next;
    if (corrupt === "all") throw new Error("a host of the crates finds only named sectors corrupt");
    switches = next;
    await command({
      do: "switch",
      switches: { ...next, findsSectorsCorrupt: corrupt === "none" ? [] : corrupt },
    });
  };
  return {
    ...facts,
    heal: () => send(healthy),
    async setSwitches(change) {
      const unknown = Object.keys(change).filter((name) => !KNOWN.includes(name as keyof Switches));
      if (unknown.length > 0) throw new Error(`a host of the crates has no switch ${unknown.join(", ")}`);
      await send({ ...switches, ...change });
      return switches;
    },
    async fund(account, hastings) {
      await command({ do: "fund", account: hexOf(account), hastings: String(hastings) });
    },
    balance: async (account) => BigInt(String(await command({ do: "balance", account: hexOf(account) }))),
    hasSector: async (root) => (await command({ do: "hasSector", root })) === true,
    dropSector: async (root) => (await command({ do: "dropSector", root })) === true,
    // There is nothing to pin, because sectors do not expire here.
    pinSector: async (root) => (await command({ do: "hasSector", root })) === true,
    counters: async () => v.parse(Counters, await command({ do: "counters" })) as unknown as HostCounters,
    setPrices: unsupported("setPrices"),
    expirePrices: unsupported("expirePrices"),
    putSector: unsupported("putSector"),
    sectorExpiration: unsupported("sectorExpiration"),
    sectorRoots: unsupported("sectorRoots"),
    readSectorFile: unsupported("readSectorFile"),
    setContract: unsupported("setContract"),
    resetCounters: unsupported("resetCounters"),
    restart: unsupported("restart"),
  };
}

function unsupported(name: string): () => Promise<never> {
  return () => Promise.reject(new Error(`a host of the crates cannot ${name}`));
}
