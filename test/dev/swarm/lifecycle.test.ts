import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startSwarm } from "../../../dev/swarm/start-swarm.ts";
import { readSector } from "../../../lib/rhp4/read-sector.ts";
import { settings } from "../../../lib/rhp4/settings.ts";
import { untilEqual } from "../../support/until.ts";
import { accountKey, Cleanups, client, dial, sectorOf, testSwarm } from "./swarm-client.ts";

const stored = sectorOf("lifecycle");

/** Open sockets and listeners of this process, and timers that keep it alive. */
function activeResources(): Map<string, number> {
  const wanted = ["TCPServerWrap", "TCPSocketWrap", "TCPConnectWrap", "Timeout", "FSReqPromise"];
  const active = process.getActiveResourcesInfo();
  return new Map(wanted.map((kind) => [kind, active.filter((name) => name === kind).length]));
}

/** Waits until there are no more resources of any kind than before. */
function nothingMoreThan(before: Map<string, number>): Promise<void> {
  return untilEqual(
    () =>
      [...activeResources()].filter(([kind, count]) => count > (before.get(kind) ?? 0)).map(([kind]) => kind),
    [],
  );
}

describe("the life of a swarm", () => {
  let cleanups: Cleanups;
  beforeEach(() => {
    cleanups = new Cleanups();
  });
  afterEach(() => cleanups[Symbol.asyncDispose]());

  it("stop() leaves no socket, timer or file, even during requests", async () => {
    const parent = await mkdtemp(join(tmpdir(), "slabmend-swarm-"));
    cleanups.add(() => rm(parent, { recursive: true }));
    const dir = join(parent, "a", "b");
    const before = activeResources();
    const swarm = await startSwarm({ hostCount: 5, dir, seed: "stop" });
    const rejections: Promise<unknown>[] = [];
    const switches = [
      {},
      { stallsReadsAfterBytes: 64 },
      { bytesPerSecond: 1000 },
      { latencyMs: 60_000 },
      { availability: "silent" },
    ] as const;
    for (const [index, host] of swarm.hosts.entries()) {
      await host.putSector(stored.root, stored.bytes);
      const { mux, payment } = await client(cleanups, host);
      await host.setSwitches(switches[index] ?? {});
      const into = new Uint8Array(2 ** 20);
      const reading = readSector(mux.openStream(), payment, { root: stored.root, offset: 0, into });
      rejections.push(index === 0 ? reading : expect(reading).rejects.toThrow());
      if (index === 0) await reading;
    }
    await untilEqual(async () => (await swarm.hosts[1]?.counters())?.bytesRead, 64);
    await Promise.all([swarm.stop(), swarm.stop()]);
    await Promise.all(rejections);
    await cleanups[Symbol.asyncDispose]();
    expect(await stat(dir).catch((error: NodeJS.ErrnoException) => error.code)).toBe("ENOENT");
    await nothingMoreThan(before);
  });

  it("stop() removes no folder or file that it did not create", async () => {
    const dir = await mkdtemp(join(tmpdir(), "slabmend-swarm-"));
    cleanups.add(() => rm(dir, { recursive: true }));
    const swarm = await startSwarm({ hostCount: 2, dir, seed: "stop" });
    expect(await readdir(dir)).toEqual(["host-00", "host-01"]);
    await writeFile(join(dir, "notes"), "mine");
    await swarm.stop();
    expect(await readdir(dir)).toEqual(["notes"]);
  });

  it("a swarm that cannot start leaves nothing behind", async () => {
    const parent = await mkdtemp(join(tmpdir(), "slabmend-swarm-"));
    cleanups.add(() => rm(parent, { recursive: true }));
    const before = activeResources();
    const ports = [0.5, 0.5, 0.25];
    // `random` always gives the same number, so both hosts try only one port, and only the first host gets it.
    const starting = startSwarm({
      hostCount: 2,
      dir: join(parent, "x"),
      seed: "ports",
      random: () => ports[0] ?? 0,
    });
    await expect(starting).rejects.toMatchObject({ code: "no-port" });
    expect(await readdir(parent)).toEqual([]);
    await nothingMoreThan(before);
  });

  it("the same seed gives the same hosts, each with its own port", async () => {
    const one = await testSwarm(cleanups, { hostCount: 3, seed: "same" });
    const other = await testSwarm(cleanups, { hostCount: 3, seed: "same" });
    expect(other.hosts.map(({ hostKey }) => hostKey)).toEqual(one.hosts.map(({ hostKey }) => hostKey));
    expect(new Set([...one.hosts, ...other.hosts].map(({ address }) => address)).size).toBe(6);
  });

  it("restart() drops connections and keeps sectors, balances, switches and address", async () => {
    const { host } = await testSwarm(cleanups);
    await host.putSector(stored.root, stored.bytes);
    const { mux } = await client(cleanups, host);
    await host.setSwitches({ latencyMs: 1 });
    const { address } = host;
    const balance = await host.balance(accountKey.account);
    await host.restart();
    await mux.closed;
    expect(host.address).toBe(address);
    expect(await host.balance(accountKey.account)).toBe(balance);
    expect((await host.setSwitches({})).latencyMs).toBe(1);
    expect((await (await client(cleanups, host)).read(stored.root)).isProven).toBe(true);
  });

  it("restart() of a host that is offline leaves it offline", async () => {
    const { host } = await testSwarm(cleanups);
    await host.setSwitches({ availability: "offline" });
    await host.restart();
    await expect(dial(cleanups, host)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });

  it("a client that leaves during a stream does not disturb the host", async () => {
    const { host } = await testSwarm(cleanups);
    await host.putSector(stored.root, stored.bytes);
    const { mux, payment } = await client(cleanups, host);
    await host.setSwitches({ bytesPerSecond: 100_000 });
    const into = new Uint8Array(2 ** 20);
    const reading = readSector(mux.openStream(), payment, { root: stored.root, offset: 0, into });
    await untilEqual(async () => (await host.counters()).bytesRead > 0, true);
    mux.destroy(new Error("left"));
    await expect(reading).rejects.toThrow("left");
    await untilEqual(async () => Object.values((await host.counters()).ends), [1]);
    await host.setSwitches({ bytesPerSecond: null });
    expect((await settings((await dial(cleanups, host)).openStream())).acceptingContracts).toBe(true);
  });

  it("putting a sector with a wrong root and reading a missing sector are errors", async () => {
    const { host } = await testSwarm(cleanups);
    const wrong = host.putSector(sectorOf("other").root, stored.bytes);
    await expect(wrong).rejects.toMatchObject({ code: "wrong-sector" });
    const short = host.putSector(stored.root, stored.bytes.subarray(64));
    await expect(short).rejects.toMatchObject({ code: "wrong-sector" });
    await expect(host.readSectorFile(stored.root)).rejects.toMatchObject({ code: "no-such-sector" });
  });

  it("a host cannot come online while another server uses its port, but can afterwards", async () => {
    const { host } = await testSwarm(cleanups);
    await host.setSwitches({ availability: "offline" });
    const [address, port] = host.address.split(":");
    const { createServer } = await import("node:net");
    const squatter = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => squatter.listen(Number(port), address, resolve));
    await expect(host.setSwitches({ availability: "online" })).rejects.toMatchObject({ code: "no-port" });
    await new Promise((resolve) => squatter.close(resolve));
    await host.setSwitches({ availability: "online" });
    const socket = connect(Number(port), address);
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    socket.destroy();
  });
});
