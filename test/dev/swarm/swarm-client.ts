import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startSwarm } from "../../../dev/swarm/start-swarm.ts";
import type { Swarm, SwarmHost, SwarmOptions } from "../../../dev/swarm/swarm.ts";
import { createKernel } from "../../../lib/kernel/kernel.ts";
import { accountKeyFromSeed } from "../../../lib/keys/account-key.ts";
import { createAccountToken } from "../../../lib/rhp4/account-token.ts";
import type { Payment } from "../../../lib/rhp4/payment.ts";
import { readSector } from "../../../lib/rhp4/read-sector.ts";
import { settings } from "../../../lib/rhp4/settings.ts";
import { writeSector } from "../../../lib/rhp4/write-sector.ts";
import { dialMux } from "../../../lib/siamux/establish-mux.ts";
import type { Mux } from "../../../lib/siamux/mux.ts";
import type { Root } from "../../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";

export const kernel = createKernel({ memoryBytes: 8 * 1024 * 1024 });
export const accountKey = accountKeyFromSeed(createHash("sha256").update("swarm tests").digest());
export const RICH = 10n ** 30n;

/** A pseudo-random sector, derived from `name`. */
export function sectorOf(name: string): { readonly bytes: Uint8Array; readonly root: Root } {
  const bytes = createHash("shake256", { outputLength: SECTOR_BYTES }).update(name).digest();
  return { bytes, root: kernel.sectorRoot(bytes) };
}

/** Runs cleanups at the end of a test, the last added first. */
export class Cleanups implements AsyncDisposable {
  readonly #cleanups: (() => Promise<unknown>)[] = [];

  add(cleanup: () => Promise<unknown>): void {
    this.#cleanups.push(cleanup);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}

/**
 * A swarm in its own folder. At the end of the test, `cleanups` checks its hosts for internal errors, stops it and
 * removes the folder.
 */
export async function testSwarm(
  cleanups: Cleanups,
  options: Partial<SwarmOptions> = {},
): Promise<Swarm & { readonly host: SwarmHost; readonly dir: string }> {
  const parent = await mkdtemp(join(tmpdir(), "slabmend-swarm-"));
  const dir = join(parent, "hosts");
  const swarm = await startSwarm({ hostCount: 1, seed: "swarm tests", ...options, dir });
  cleanups.add(async () => {
    const counters = await Promise.all(swarm.hosts.map((host) => host.counters()));
    await swarm.stop();
    await rm(parent, { recursive: true });
    const faults = counters.flatMap(({ faults }) => faults);
    if (faults.length > 0) throw new Error(`faults of the swarm: ${faults.join("\n")}`);
  });
  const host = swarm.hosts[0];
  if (host === undefined) throw new Error("a swarm of tests has a host");
  return { ...swarm, host, dir };
}

export async function dial(cleanups: Cleanups, host: SwarmHost, handshakeTimeoutMs = 10_000): Promise<Mux> {
  const [address, port] = host.address.split(":");
  const mux = await dialMux(connect(Number(port), address), host.hostKey, { handshakeTimeoutMs });
  cleanups.add(async () => {
    mux.destroy(new Error("the test is over"));
    await mux.closed;
  });
  return mux;
}

/** Prices that the host has just issued, and a token that is valid for five minutes. */
export async function freshPayment(mux: Mux, host: SwarmHost): Promise<Payment> {
  const { prices } = await settings(mux.openStream());
  return { prices, token: createAccountToken(accountKey, host.hostKey, Date.now() + 5 * 60_000) };
}

/** Connects to a host with an account that has funds there. */
export async function client(cleanups: Cleanups, host: SwarmHost) {
  await host.fund(accountKey.account, RICH);
  const mux = await dial(cleanups, host);
  const payment = await freshPayment(mux, host);
  return {
    mux,
    payment,
    async read(root: Root, offset = 0, length = SECTOR_BYTES) {
      const data = new Uint8Array(length);
      const { proof } = await readSector(mux.openStream(), payment, { root, offset, into: data });
      const isProven = kernel.verifyRangeProof({ root, offset, length, data, proof });
      return { data, proof, isProven };
    },
    write: (data: Uint8Array) => writeSector(mux.openStream(), payment, data),
  };
}

/** The host's refusal as sent on the wire; throws if the host did not refuse the call. */
export async function refusalOf(call: Promise<unknown>): Promise<{ code: number; description: string }> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error && "wire" in error) return error.wire as { code: number; description: string };
    throw error;
  }
  throw new Error("the host did not refuse");
}
