/**
 * A client made of the official crates talks to a host of dev/swarm. Every check of test/interop/rust-host/src/client
 * runs at several packet sizes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as v from "valibot";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSwarm } from "../../dev/swarm/start-swarm.ts";
import type { Swarm } from "../../dev/swarm/swarm.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { installedPeer } from "./support/peers.ts";

const Check = v.object({ check: v.string(), ok: v.boolean(), detail: v.string() });

const accountSeed = new Uint8Array(32).fill(0x2b);

let folder: string;
let swarm: Swarm;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slabmend-rust-client-"));
  swarm = await startSwarm({ hostCount: 1, dir: join(folder, "hosts"), seed: "rust-client" });
  await swarm.hosts[0]!.fund(accountKeyFromSeed(accountSeed).account, 10n ** 30n);
});
afterAll(async () => {
  await swarm?.stop();
  await rm(folder, { recursive: true, force: true });
});

// The smallest packets that the protocol allows, the packets that every host uses today, and the largest packets.
test.for([1220, 4320, 32_768])("packets of %i bytes", async (packetBytes, context) => {
  const [host] = swarm.hosts;
  const { hostKey, address } = host!;
  const options = { hostKey, address, accountSeed: Buffer.from(accountSeed).toString("hex"), packetBytes };
  const { checks, code } = await runClient(installedPeer(context, "rust-host"), options);
  expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  // If the client's last check ran and the number of checks is right, all checks ran.
  expect(checks.at(-1)?.check).toBe("many reads at once over one connection");
  expect(checks).toHaveLength(CHECKS);
  expect(code).toBe(0);
  expect((await host!.counters()).faults).toEqual([]);
});

const CHECKS = 40;

async function runClient(binary: string, options: Readonly<Record<string, unknown>>) {
  const child = spawn(binary, ["dial", JSON.stringify(options)], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const checks: v.InferOutput<typeof Check>[] = [];
  for await (const line of createInterface({ input: child.stdout }))
    checks.push(v.parse(Check, JSON.parse(line)));
  const [code] = await ended;
  return { checks, code: code as number | null };
}
