import { once } from "node:events";
import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SwarmHost } from "../../../dev/swarm/swarm.ts";
import { accountBalance } from "../../../lib/rhp4/account-balance.ts";
import { readSector } from "../../../lib/rhp4/read-sector.ts";
import { settings } from "../../../lib/rhp4/settings.ts";
import { untilEqual } from "../../support/until.ts";
import {
  accountKey,
  Cleanups,
  client,
  dial,
  freshPayment,
  RICH,
  refusalOf,
  sectorOf,
  testSwarm,
} from "./swarm-client.ts";

const MIB = 2 ** 20;
const stored = sectorOf("switches");
const other = sectorOf("another");

describe("a switch of a host", () => {
  let cleanups: Cleanups;
  let host: SwarmHost;

  beforeEach(async () => {
    cleanups = new Cleanups();
    ({ host } = await testSwarm(cleanups));
    await host.putSector(stored.root, stored.bytes);
  });
  afterEach(() => cleanups[Symbol.asyncDispose]());

  it("an offline host drops and refuses connections, and later accepts them at the same address", async () => {
    const { mux, read } = await client(cleanups, host);
    const { address } = host;
    await host.setSwitches({ availability: "offline" });
    expect((await mux.closed).code).toMatch(/^(closed-by-peer|connection-failed|truncated-packet)$/);
    await expect(read(stored.root)).rejects.toThrow();
    await expect(dial(cleanups, host)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
    await host.setSwitches({ availability: "online" });
    expect(host.address).toBe(address);
    expect((await (await client(cleanups, host)).read(stored.root)).isProven).toBe(true);
  });

  it("a silent host accepts connections and answers only after the switch is cleared", async () => {
    const { mux } = await client(cleanups, host);
    await host.setSwitches({ availability: "silent" });
    await expect(dial(cleanups, host, 150)).rejects.toMatchObject({ code: "handshake-timed-out" });
    const answer = settings(mux.openStream());
    const isQuiet = await Promise.race([answer.then(() => false), quiet(100)]);
    expect(isQuiet).toBe(true);
    await host.setSwitches({ availability: "online" });
    expect((await answer).acceptingContracts).toBe(true);
  });

  it("a slow host neither sends nor receives faster than its rate", async () => {
    const { read, write } = await client(cleanups, host);
    await host.setSwitches({ bytesPerSecond: 2 * MIB });
    const readMs = await durationOf(() => read(stored.root, 0, MIB));
    const writeMs = await durationOf(() => write(other.bytes.subarray(0, MIB)));
    // At this rate each transfer takes 500 ms. A busy machine may take longer, so there is no upper limit.
    expect(readMs).toBeGreaterThan(300);
    expect(writeMs).toBeGreaterThan(300);
  });

  it("all connections to a slow host share its rate", async () => {
    const clients = await Promise.all([client(cleanups, host), client(cleanups, host)]);
    await host.setSwitches({ bytesPerSecond: 2 * MIB });
    const bothMs = await durationOf(() => Promise.all(clients.map(({ read }) => read(stored.root, 0, MIB))));
    expect(bothMs).toBeGreaterThan(800);
  });

  it("latency is added to each direction", async () => {
    const { mux } = await client(cleanups, host);
    await host.setSwitches({ latencyMs: 100 });
    expect(await durationOf(() => settings(mux.openStream()))).toBeGreaterThanOrEqual(195);
  });

  it("a stalling host stops a read after the given number of bytes, and continues it after the switch is cleared", async () => {
    const { mux, payment } = await client(cleanups, host);
    await host.setSwitches({ stallsReadsAfterBytes: 100_000 });
    const into = new Uint8Array(MIB);
    const reading = readSector(mux.openStream(), payment, { root: stored.root, offset: 0, into });
    await untilEqual(async () => (await host.counters()).bytesRead, 100_000);
    expect(await Promise.race([reading.then(() => false), quiet(50)])).toBe(true);
    // Other streams of the connection go on.
    expect((await settings(mux.openStream())).acceptingContracts).toBe(true);
    await host.setSwitches({ stallsReadsAfterBytes: null });
    await reading;
    expect(Buffer.compare(into, stored.bytes.subarray(0, MIB))).toBe(0);
  });

  it("a stalling host stops a write after the given number of bytes, and continues it after the switch is cleared", async () => {
    const { write } = await client(cleanups, host);
    await host.setSwitches({ stallsWritesAfterBytes: 100_000 });
    const writing = write(other.bytes);
    await untilEqual(async () => (await host.counters()).bytesWritten, 100_000);
    expect(await Promise.race([writing.then(() => false), quiet(50)])).toBe(true);
    await host.setSwitches({ stallsWritesAfterBytes: null });
    expect((await writing).root).toBe(other.root);
  });

  it("a stalled stream that the client cancels also ends at the host", async () => {
    const { mux, payment } = await client(cleanups, host);
    await host.setSwitches({ stallsReadsAfterBytes: 0 });
    const stream = mux.openStream();
    const reading = readSector(stream, payment, { root: stored.root, offset: 0, into: new Uint8Array(64) });
    await untilEqual(async () => (await host.counters()).rpcs["ReadSector"], 1);
    stream.destroy(new Error("too slow"));
    await expect(reading).rejects.toThrow("too slow");
    // A restart waits for all running calls, so it would hang if the read were still running on the host.
    await host.restart();
    expect((await host.counters()).bytesRead).toBe(0);
  });

  it("with corruptsData the proof does not match, for a range and for a whole sector", async () => {
    const { read } = await client(cleanups, host);
    await host.setSwitches({ corruptsData: true });
    const range = await read(stored.root, MIB, MIB);
    expect(range.isProven).toBe(false);
    expect(differingBytes(range.data, stored.bytes.subarray(MIB, 2 * MIB))).toBe(1);
    expect((await read(stored.root)).isProven).toBe(false);
    // The sector on disk stays as it was.
    expect(Buffer.compare(await host.readSectorFile(stored.root), stored.bytes)).toBe(0);
  });

  it("with sendsWrongProofs the data is correct and the proof is not", async () => {
    const { read } = await client(cleanups, host);
    await host.setSwitches({ sendsWrongProofs: true });
    const range = await read(stored.root, MIB, MIB);
    expect(range.isProven).toBe(false);
    expect(differingBytes(range.data, stored.bytes.subarray(MIB, 2 * MIB))).toBe(0);
    await expect(read(stored.root)).rejects.toMatchObject({ code: "wrong-proof-length" });
  });

  it("with servesOtherSector data and proof match each other, but not the root", async () => {
    const { read } = await client(cleanups, host);
    await host.setSwitches({ servesOtherSector: true });
    const found = await read(stored.root, 64, 128);
    expect(found.isProven).toBe(false);
    const whole = await read(stored.root);
    expect(whole.isProven).toBe(false);
    expect(Buffer.compare(found.data, whole.data.subarray(64, 192))).toBe(0);
  });

  it("with liesAboutRoots a write returns another root and nothing is stored", async () => {
    const { write } = await client(cleanups, host);
    await host.setSwitches({ liesAboutRoots: true });
    expect((await write(other.bytes)).root).not.toBe(other.root);
    expect(await host.sectorRoots()).toEqual([stored.root]);
  });

  it("with forgetsWrites the write succeeds and nothing is stored", async () => {
    const { write, read } = await client(cleanups, host);
    await host.setSwitches({ forgetsWrites: true });
    expect((await write(other.bytes)).root).toBe(other.root);
    expect((await refusalOf(read(other.root))).description).toBe("sector not found");
  });

  it("with losesSectors reads of the named sectors, or of all sectors, are refused free of charge", async () => {
    await host.putSector(other.root, other.bytes);
    const { read } = await client(cleanups, host);
    await host.setSwitches({ losesSectors: [stored.root] });
    expect(await refusalOf(read(stored.root))).toEqual({ code: 2, description: "sector not found" });
    expect((await read(other.root)).isProven).toBe(true);
    await host.setSwitches({ losesSectors: "all" });
    expect((await refusalOf(read(other.root))).description).toBe("sector not found");
    await host.setSwitches({ losesSectors: "none" });
    expect((await read(stored.root)).isProven).toBe(true);
    // A dropped sector stays lost.
    expect(await host.dropSector(stored.root)).toBe(true);
    expect(await host.dropSector(stored.root)).toBe(false);
    expect((await refusalOf(read(stored.root))).description).toBe("sector not found");
  });

  it("with findsSectorsCorrupt a sector is refused after the debit", async () => {
    const { read } = await client(cleanups, host);
    await host.setSwitches({ findsSectorsCorrupt: [stored.root] });
    const before = await host.balance(accountKey.account);
    expect(await refusalOf(read(stored.root))).toEqual({ code: 2, description: "sector corrupt" });
    expect(await host.balance(accountKey.account)).toBeLessThan(before);
  });

  it("with outOfFunds a call is refused at any balance", async () => {
    const { read, write, mux } = await client(cleanups, host);
    await host.setSwitches({ outOfFunds: true });
    expect(await refusalOf(read(stored.root))).toEqual({ code: 5, description: "not enough funds" });
    expect(await refusalOf(write(other.bytes))).toEqual({ code: 5, description: "not enough funds" });
    expect(await accountBalance(mux.openStream(), accountKey.account)).toBe(0n);
    expect(await host.balance(accountKey.account)).toBe(RICH);
  });

  it("expirePrices makes price tables in use expire at once, and tables issued afterwards are valid", async () => {
    const { read, mux } = await client(cleanups, host);
    await host.expirePrices();
    expect((await refusalOf(read(stored.root))).description).toContain("prices expired");
    const payment = await freshPayment(mux, host);
    const into = new Uint8Array(64);
    await readSector(mux.openStream(), payment, { root: stored.root, offset: 0, into });
    expect(Buffer.compare(into, stored.bytes.subarray(0, 64))).toBe(0);
  });

  it("after a change of prices new price tables have the new prices, and old tables stay valid", async () => {
    const { read, mux } = await client(cleanups, host);
    await host.setPrices({ egressPrice: 7n });
    expect((await settings(mux.openStream())).prices.egressPrice).toBe(7n);
    expect((await read(stored.root)).isProven).toBe(true);
  });

  it("a full host refuses after the debit, and says so in its settings", async () => {
    const { write, mux } = await client(cleanups, host);
    await host.setSwitches({ full: true });
    const before = await host.balance(accountKey.account);
    expect(await refusalOf(write(other.bytes))).toEqual({ code: 2, description: "not enough storage" });
    expect(await host.balance(accountKey.account)).toBeLessThan(before);
    expect((await settings(mux.openStream())).remainingStorageSectors).toBe(0n);
  });

  it("a host without free capacity is full, but still accepts sectors that it has", async () => {
    const { host: small } = await testSwarm(cleanups, { capacitySectors: 1 });
    const { write } = await client(cleanups, small);
    await write(stored.bytes);
    expect((await refusalOf(write(other.bytes))).description).toBe("not enough storage");
    expect((await write(stored.bytes)).root).toBe(stored.root);
  });

  it("with refusesWritesEarly the refusal arrives while data is being sent, and costs nothing", async () => {
    const { write, mux } = await client(cleanups, host);
    const refusal = { code: 2, description: "not enough storage" };
    await host.setSwitches({ refusesWritesEarly: { ...refusal, afterBytes: 70_000 } });
    expect(await refusalOf(write(other.bytes))).toEqual(refusal);
    expect((await host.counters()).bytesWritten).toBe(70_000);
    expect(await host.balance(accountKey.account)).toBe(RICH);
    // The connection still works after the refusal.
    expect((await settings(mux.openStream())).acceptingContracts).toBe(true);
  });

  it("with shuttingDown or failsInternally every RPC is refused with the error of that switch", async () => {
    const { read, mux } = await client(cleanups, host);
    await host.setSwitches({ shuttingDown: true });
    expect(await refusalOf(read(stored.root))).toEqual({ code: 2, description: "host is shutting down" });
    await host.setSwitches({ shuttingDown: false, failsInternally: true });
    expect(await refusalOf(settings(mux.openStream()))).toEqual({ code: 2, description: "internal error" });
    await host.setSwitches({ failsInternally: false });
    expect((await read(stored.root)).isProven).toBe(true);
  });

  it("a peer without siamux does not disturb the host", async () => {
    const [address, port] = host.address.split(":");
    const socket = connect(Number(port), address);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.end("GET / HTTP/1.1\r\n\r\n".repeat(20));
    await once(socket.resume(), "close");
    await untilEqual(async () => Object.values((await host.counters()).ends), [1]);
    expect((await (await client(cleanups, host)).read(stored.root)).isProven).toBe(true);
  });
});

function differingBytes(one: Uint8Array, other: Uint8Array): number {
  expect(one.length).toBe(other.length);
  return one.reduce((count, byte, index) => count + (byte === other[index] ? 0 : 1), 0);
}

/** A short wait that shows that nothing happens: there is no event to wait for. */
function quiet(forMs: number): Promise<true> {
  return new Promise((resolve) => setTimeout(() => resolve(true), forMs));
}

async function durationOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
