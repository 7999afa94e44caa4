import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HostTarget } from "../../lib/hosts/host-dialer.ts";
import { HOST_ERROR_CODES, HostError } from "../../lib/hosts/host-error.ts";
import { createHostPool, type HostPool } from "../../lib/hosts/host-pool.ts";
import type { HostPoolConfig } from "../../lib/hosts/host-pool-config.ts";
import { rangeRead, sectorWrite } from "../../lib/hosts/paid-rpc.ts";
import { readSectorCost } from "../../lib/rhp4/costs.ts";
import { encodeWireError } from "../../lib/rhp4/framing.ts";
import { signHostPrices } from "../../lib/rhp4/host-prices.ts";
import { encodeReadSectorResponseHead } from "../../lib/rhp4/read-sector.ts";
import { encodeSettingsResponse } from "../../lib/rhp4/settings.ts";
import { hexOf, type Root } from "../../lib/slab/ids.ts";
import { type Answered, createTestHost, type Misbehave, type TestHost } from "../rhp4/rpc-server.ts";
import { accountKey, filled, hostIdentity, hostSettings } from "../rhp4/samples.ts";
import { createFakeClock, type FakeClock } from "../support/fake-clock.ts";
import { until as eventually } from "../support/until.ts";
import { createMemoryNetwork, type MemoryNetwork } from "./memory-network.ts";

const LENGTH = 65_536;
let clock: FakeClock;
let network: MemoryNetwork;
let host: TestHost;
let target: HostTarget;
let pool: HostPool;
/** All pools that a test has made, so that all are closed: some tests replace the first one. */
let pools: HostPool[];
let caller: AbortController;
let root: Root;

beforeEach(() => {
  clock = createFakeClock();
  network = createMemoryNetwork();
  caller = new AbortController();
  host = addHost(1);
  target = targetOf(host);
  root = host.store(filled(LENGTH, 7));
  pools = [];
  pool = makePool();
});

afterEach(async () => {
  const closed = Promise.all(pools.map((each) => each.close()));
  await until(() => clock.pending === 0);
  await closed;
  expect(clock.pending, "timers left").toBe(0);
  for (const connection of network.connections) expect(connection.isClosed).toBe(true);
});

function makePool(config: Partial<HostPoolConfig> = {}, dialer = network.dialer): HostPool {
  const made = createHostPool({ dialer, account: accountKey, clock, config });
  pools.push(made);
  return made;
}

function addHost(seedByte: number): TestHost {
  const made = createTestHost(hostIdentity(filled(32, seedByte)), () => clock.now());
  network.add(made);
  return made;
}

function targetOf({ hostKey }: TestHost): HostTarget {
  return { hostKey, addresses: ["1.1.1.1:9984"] };
}

function read(from = target, of = root, into = new Uint8Array(LENGTH), signal = caller.signal) {
  return pool.call(from, rangeRead({ root: of, offset: 0, into }), { signal });
}

/** Runs turns of the event loop until a condition holds, without advancing time. */
const until = (condition: () => boolean) => eventually(condition, Boolean, { everyMs: 0 });

function failureOf(promise: Promise<unknown>): Promise<HostError> {
  return promise.then(
    () => {
      throw new Error("it succeeded");
    },
    (error: unknown) => {
      expect(error).toBeInstanceOf(HostError);
      return error as HostError;
    },
  );
}

/** The host accepts the call and stays silent until the stream ends. */
const stall: Misbehave = async (_rpc, stream): Promise<Answered> => {
  await stream.whenPeerCloses;
  return "done";
};
const refuse =
  (code: number, description: string): Misbehave =>
  async (rpc, stream): Promise<Answered> => {
    if (rpc === "Settings") return undefined;
    await stream.write(encodeWireError({ code, description }));
    return "done";
  };

const garble: Misbehave = async (_rpc, stream): Promise<Answered> => {
  await stream.write(Uint8Array.of(9));
  return "done";
};

const connection = (index = 0) => network.connections[index]!;
const countOf = (rpc: string) => host.calls.filter((call) => call === rpc).length;

describe("one host", () => {
  test("many requests share one connection and one fetch of prices", async () => {
    const into = Array.from({ length: 6 }, () => new Uint8Array(LENGTH));
    const results = await Promise.all(into.map((buffer) => read(target, root, buffer)));
    expect(network.connections).toHaveLength(1);
    expect(countOf("Settings")).toBe(1);
    expect(countOf("ReadSector")).toBe(6);
    expect(into.every((buffer) => buffer.every((byte) => byte === 7))).toBe(true);
    expect(results[0]).toMatchObject({ durationMs: 0 });
    expect(results[0]?.proof.length).toBeGreaterThan(0);
  });

  test("a sector is written and its root returned", async () => {
    const data = filled(LENGTH, 9);
    const { root: stored } = await pool.call(target, sectorWrite(data), { signal: caller.signal });
    expect(host.sectors.get(stored)).toEqual(data);
  });

  test("the balance is read without fetching prices", async () => {
    expect(await pool.balance(target, caller.signal)).toBe(host.balance);
    expect(host.calls).toEqual(["AccountBalance"]);
  });

  test("simultaneous calls to a host stay within the limit", async () => {
    pool = makePool({ maxRpcsPerHost: 2 });
    let most = 0;
    let now = 0;
    host.misbehave = async (rpc) => {
      if (rpc !== "ReadSector") return undefined;
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      return undefined;
    };
    await Promise.all(Array.from({ length: 8 }, () => read()));
    expect(most).toBe(2);
  });

  test("a call above the caller's budget does not reach the host, and a finished call returns its reservation", async () => {
    const { signal } = caller;
    const cost = readSectorCost(host.prices, LENGTH);
    const reserved: bigint[] = [];
    let givenBack = 0;
    const into = new Uint8Array(LENGTH);
    const readWithin = (most: bigint) =>
      pool.call(target, rangeRead({ root, offset: 0, into }), {
        signal,
        reserve: (hastings) => {
          reserved.push(hastings);
          return hastings > most ? undefined : () => void givenBack++;
        },
      });
    expect(await failureOf(readWithin(cost - 1n))).toMatchObject({ code: "cost-limit", isHostFault: false });
    expect(countOf("ReadSector")).toBe(0);
    await readWithin(cost);
    expect(reserved).toEqual([cost, cost]);
    expect(givenBack).toBe(1);
  });

  test("if a call names new addresses of its host, the next dial uses the new addresses", async () => {
    const seen: string[] = [];
    const dialer: typeof network.dialer = (to, signal) => {
      seen.push(to.addresses[0] ?? "");
      return network.dialer(to, signal);
    };
    pool = makePool({}, dialer);
    await read();
    connection().breakDown();
    await read({ ...target, addresses: ["2.2.2.2:9984"] });
    expect(seen).toEqual(["1.1.1.1:9984", "2.2.2.2:9984"]);
  });
});

describe("prices", () => {
  test("prices are fetched again 30 s before they expire", async () => {
    const first = await pool.prices(target, caller.signal);
    clock.skip(1_769_999);
    expect(await pool.prices(target, caller.signal)).toBe(first);
    clock.skip(1);
    host.prices = { ...host.prices, validUntilSeconds: host.prices.validUntilSeconds + 1800n };
    expect((await pool.prices(target, caller.signal)).validUntilSeconds).toBe(
      first.validUntilSeconds + 1800n,
    );
    expect(countOf("Settings")).toBe(2);
  });

  test("prices that the host calls expired are fetched again, and the call is repeated once", async () => {
    await pool.prices(target, caller.signal);
    // The host has restarted, and its clock is now an hour ahead.
    host.nowMs = () => clock.now() + 3_600_000;
    host.prices = { ...host.prices, validUntilSeconds: host.prices.validUntilSeconds + 3600n };
    // By the host's clock our token has expired too, but the host checks the token only after the prices.
    const before = countOf("Settings");
    const failure = await failureOf(read());
    expect(failure).toMatchObject({ code: "token-expired", blamesUs: true, isHostFault: false });
    expect(countOf("Settings") - before).toBe(1);
    expect(countOf("ReadSector")).toBe(2);
  });

  test("a host with prices above the limit is not called", async () => {
    const { egressPrice, ingressPrice, storagePrice } = host.prices;
    const into = new Uint8Array(LENGTH);
    const { signal } = caller;
    const readUpTo = (most: bigint) =>
      pool.call(target, rangeRead({ root, offset: 0, into }), { signal, priceLimit: { egressPrice: most } });
    const data = filled(LENGTH, 3);
    expect(await failureOf(readUpTo(egressPrice - 1n))).toMatchObject({
      code: "too-expensive",
      isHostFault: false,
      meansLost: false,
    });
    for (const limit of [{ ingressPrice: ingressPrice - 1n }, { storagePrice: storagePrice - 1n }]) {
      const writing = pool.call(target, sectorWrite(data), { signal, priceLimit: limit });
      expect(await failureOf(writing)).toMatchObject({ code: "too-expensive" });
    }
    expect([countOf("ReadSector"), countOf("WriteSector")]).toEqual([0, 0]);
    expect(pool.score(host.hostKey).failureRate).toBe(0);
    await readUpTo(egressPrice);
    await pool.call(target, sectorWrite(data), { signal, priceLimit: { ingressPrice, storagePrice } });
    expect([countOf("ReadSector"), countOf("WriteSector")]).toEqual([1, 1]);
  });

  test("the price limit also applies to refreshed prices", async () => {
    const limit = { egressPrice: host.prices.egressPrice };
    await pool.prices(target, caller.signal);
    host.misbehave = async (rpc, stream) => {
      if (rpc === "Settings") return undefined;
      host.prices = { ...host.prices, egressPrice: limit.egressPrice + 1n };
      const description = "request invalid: prices are invalid: prices expired (3)";
      await stream.write(encodeWireError({ code: 3, description }));
      return "done";
    };
    const into = new Uint8Array(LENGTH);
    const terms = { signal: caller.signal, priceLimit: limit };
    expect(await failureOf(pool.call(target, rangeRead({ root, offset: 0, into }), terms))).toMatchObject({
      code: "too-expensive",
    });
    expect(countOf("ReadSector")).toBe(1);
  });

  test("refreshed prices make the repeated call succeed", async () => {
    let refusals = 1;
    host.misbehave = async (rpc, stream) => {
      if (rpc !== "ReadSector" || refusals-- <= 0) return undefined;
      const description = "request invalid: prices are invalid: prices expired (3)";
      await stream.write(encodeWireError({ code: 3, description }));
      return "done";
    };
    await read();
    expect(host.calls).toEqual(["Settings", "ReadSector", "Settings", "ReadSector"]);
    expect(pool.score(host.hostKey).failureRate).toBe(0);
  });

  test("a call fails if the host refuses the prices as expired twice", async () => {
    host.misbehave = refuse(3, "request invalid: prices are invalid: prices expired (3)");
    expect(await failureOf(read())).toMatchObject({ code: "prices-expired", isHostFault: true });
    expect(host.calls).toEqual(["Settings", "ReadSector", "Settings", "ReadSector"]);
  });

  test("prices signed by another key end the connection and are never used", async () => {
    const impostor = hostIdentity(filled(32, 99));
    host.misbehave = async (rpc, stream) => {
      if (rpc !== "Settings") return undefined;
      await stream.write(
        encodeSettingsResponse({ ...hostSettings, prices: signHostPrices(host.prices, impostor) }),
      );
      return "done";
    };
    expect(await failureOf(read())).toMatchObject({ code: "bad-signature", isHostFault: true });
    expect(connection().isClosed).toBe(true);
    expect(countOf("ReadSector")).toBe(0);
  });

  test("prices that arrive expired are refused", async () => {
    host.prices = { ...host.prices, validUntilSeconds: BigInt(clock.now() / 1000) };
    expect(await failureOf(read())).toMatchObject({ code: "prices-expired" });
    expect(countOf("ReadSector")).toBe(0);
  });

  test("prices that arrive valid for less than the margin are used, but fetched again for the next call", async () => {
    host.prices = { ...host.prices, validUntilSeconds: BigInt(clock.now() / 1000) + 10n };
    await read();
    await read();
    expect(countOf("Settings")).toBe(2);
  });
});

describe("what the host answers", () => {
  test.each([
    [2, "sector not found", "sector-not-found", true],
    [2, "sector corrupt", "sector-corrupt", true],
    [2, "internal error", "host-internal", false],
    [2, "host is shutting down", "host-shutting-down", false],
    [2, "not enough storage", "not-enough-storage", false],
    [2, "a new failure", "host-internal", false],
    [5, "not enough funds", "not-enough-funds", false],
    [3, "request invalid: read request exceeds sector bounds (3)", "host-refused", false],
    [3, "unrecognized RPC", "host-refused", false],
    [4, "failed to read request: EOF", "host-refused", false],
    [9, "from the future", "protocol-violation", false],
  ])("code %i %j is %s; lost: %s", async (code, description, expected, meansLost) => {
    host.misbehave = refuse(code, description);
    const failure = await failureOf(read());
    expect(failure).toMatchObject({ code: expected, meansLost });
    expect(connection().isClosed, "the host answered: the connection is fine").toBe(false);
    const faulty = failure.isHostFault ? 1 : 0;
    expect(pool.score(host.hostKey).failureRate).toBe(faulty);
  });

  test("the codes sector-not-found and sector-corrupt, and no others, mean that a sector is lost", () => {
    const lost = HOST_ERROR_CODES.filter((code) => new HostError(host.hostKey, code, "").meansLost);
    expect(lost).toEqual(["sector-not-found", "sector-corrupt"]);
  });

  test("a protocol violation ends the connection; other calls continue on a new connection", async () => {
    const held = Promise.withResolvers<void>();
    let reads = 0;
    host.misbehave = async (rpc, stream) => {
      if (rpc !== "ReadSector" || ++reads > 2) return undefined;
      if (reads === 1) {
        await Promise.race([held.promise, stream.whenPeerCloses]);
        return "done";
      }
      await stream.write(encodeReadSectorResponseHead([], 1));
      return "done";
    };
    const innocent = read();
    await until(() => reads === 1);
    expect(await failureOf(read())).toMatchObject({ code: "protocol-violation", isHostFault: true });
    await innocent;
    held.resolve();
    expect(network.connections).toHaveLength(2);
    expect(connection(0).isClosed).toBe(true);
  });

  test("a bug in the caller is thrown unchanged and does not end the connection", async () => {
    await read();
    const { signal } = caller;
    const wrong = pool.call(target, rangeRead({ root, offset: 1, into: new Uint8Array(64) }), { signal });
    await expect(wrong).rejects.toMatchObject({ code: "invalid-request" });
    expect(connection().isClosed).toBe(false);
    expect(pool.score(host.hostKey).failureRate).toBe(0);
  });

  test("no error shows a token or the account's key", async () => {
    const shown: string[] = [];
    for (const misbehave of [
      refuse(2, "sector not found"),
      refuse(3, "request invalid: token is invalid: invalid signature (3)"),
      garble,
    ]) {
      host.misbehave = misbehave;
      const failure = await failureOf(read());
      shown.push(
        inspect(failure, { depth: 12, showHidden: true }),
        JSON.stringify(failure),
        String(failure.stack),
      );
    }
    for (const secret of [filled(32, 0x11), accountKey.account]) {
      for (const text of shown) {
        expect(text).not.toContain(hexOf(secret));
        expect(text).not.toContain(Buffer.from(secret).toString("base64").slice(0, -1));
      }
    }
  });
});

describe("time", () => {
  test("a silent host is given up at the deadline", async () => {
    await pool.prices(target, caller.signal);
    host.misbehave = stall;
    const failed = failureOf(read());
    await until(() => countOf("ReadSector") === 1);
    await clock.advance(119_999);
    expect(pool.score(host.hostKey).inFlight).toBe(1);
    await clock.advance(1);
    expect(await failed).toMatchObject({ code: "timed-out", isHostFault: true, retryElsewhere: true });
    expect(pool.score(host.hostKey)).toMatchObject({ failureRate: 1, inFlight: 0 });
    expect(connection().isClosed, "nothing moved on it for two minutes").toBe(true);
  });

  test("a host that sends no prices is given up after 20 s, before the deadline of a call", async () => {
    host.misbehave = stall;
    const failed = failureOf(read());
    await until(() => countOf("Settings") === 1);
    await clock.advance(20_000);
    expect(await failed).toMatchObject({ code: "timed-out" });
  });

  test("a timeout does not end a connection on which another call makes progress", async () => {
    await pool.prices(target, caller.signal);
    host.misbehave = async (rpc, stream) => {
      if (rpc !== "ReadSector" || countOf("ReadSector") > 1) return undefined;
      return stall(rpc, stream);
    };
    const failed = failureOf(read());
    await until(() => countOf("ReadSector") === 1);
    await clock.advance(115_000);
    await read();
    await clock.advance(5_000);
    expect(await failed).toMatchObject({ code: "timed-out" });
    expect(connection().isClosed).toBe(false);
  });

  test("time that a call waits in the pool's queue does not raise the host's failure rate", async () => {
    pool = makePool({ maxRpcsPerHost: 1 });
    await pool.prices(target, caller.signal);
    const other = new AbortController();
    host.misbehave = stall;
    const served = failureOf(read());
    await until(() => countOf("ReadSector") === 1);
    const waiting = failureOf(read(target, root, new Uint8Array(LENGTH), other.signal));
    await clock.advance(10_000);
    other.abort();
    expect(await waiting).toMatchObject({ code: "aborted" });
    expect(countOf("ReadSector")).toBe(1);
    expect(pool.score(host.hostKey)).toMatchObject({ failureRate: 0, inFlight: 1 });
    caller.abort();
    await served;
  });
});

describe("giving up", () => {
  test("an abort ends a read at once, and nothing is written into its buffer afterwards", async () => {
    const go = Promise.withResolvers<void>();
    host.misbehave = async (rpc) => {
      if (rpc === "ReadSector") await go.promise;
      return undefined;
    };
    const into = new Uint8Array(LENGTH);
    const failed = failureOf(read(target, root, into));
    await until(() => countOf("ReadSector") === 1);
    const reason = new Error("others were faster");
    caller.abort(reason);
    const failure = await failed;
    expect(failure).toMatchObject({ code: "aborted", isHostFault: false, meansLost: false });
    expect(failure.cause).toBe(reason);
    go.resolve();
    await until(() => connection().serving === 0);
    expect(into.every((byte) => byte === 0)).toBe(true);
    expect(connection().isClosed).toBe(false);
    expect(pool.score(host.hostKey)).toMatchObject({ failureRate: 0, inFlight: 0 });
  });

  test("a call with an already aborted signal does not contact the host", async () => {
    expect(await failureOf(read(target, root, new Uint8Array(64), AbortSignal.abort()))).toMatchObject({
      code: "aborted",
    });
    expect(network.connections).toHaveLength(0);
  });

  test("a read cancelled after its expected time counts as a failure of the host", async () => {
    await pool.prices(target, caller.signal);
    host.misbehave = stall;
    const failed = failureOf(read());
    await until(() => countOf("ReadSector") === 1);
    clock.skip(pool.hedgeAfterMs("read", LENGTH));
    caller.abort();
    await failed;
    expect(pool.score(host.hostKey).failureRate).toBe(1);
  });

  test("a shared dial continues while a caller waits, and is cancelled when the last caller gives up", async () => {
    const signals: AbortSignal[] = [];
    network.onDial = async (_host, signal) => {
      signals.push(signal);
      await new Promise<void>((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error));
      });
    };
    const other = new AbortController();
    const failed = [failureOf(read()), failureOf(read(target, root, new Uint8Array(64), other.signal))];
    await until(() => signals.length === 1);
    caller.abort();
    expect(await failed[0]).toMatchObject({ code: "aborted" });
    expect(signals[0]?.aborted).toBe(false);
    other.abort();
    expect(await failed[1]).toMatchObject({ code: "aborted" });
    await pool.idle();
    expect(signals[0]?.aborted).toBe(true);
    expect(network.connections).toHaveLength(0);
  });

  test("closing the pool aborts and awaits all calls, and later calls are refused", async () => {
    host.misbehave = stall;
    const failed = [failureOf(read()), failureOf(pool.balance(target, caller.signal))];
    await until(() => host.calls.length === 2);
    await pool.close();
    for (const failure of await Promise.all(failed)) expect(failure.code).toBe("aborted");
    expect(connection().isClosed).toBe(true);
    expect(clock.pending).toBe(0);
    expect(await failureOf(read())).toMatchObject({ code: "aborted" });
    expect(network.connections).toHaveLength(1);
  });
});

describe("connections that end", () => {
  test("a connection that ended between two calls is replaced", async () => {
    await read();
    connection().breakDown();
    await read();
    expect(network.connections).toHaveLength(2);
    expect(pool.score(host.hostKey).failureRate).toBe(0);
  });

  test("a call is repeated once if its reused connection ends", async () => {
    await pool.prices(target, caller.signal);
    host.misbehave = (rpc) => {
      if (rpc === "ReadSector" && countOf(rpc) === 1) connection().breakDown();
      return undefined;
    };
    await read();
    expect(countOf("ReadSector")).toBe(2);
    expect(network.connections).toHaveLength(2);
  });

  test("if the connection ends again during the repeated call, the host is at fault", async () => {
    await pool.prices(target, caller.signal);
    host.misbehave = (rpc) => {
      if (rpc === "ReadSector") network.connections.at(-1)?.breakDown();
      return undefined;
    };
    expect(await failureOf(read())).toMatchObject({ code: "connection-lost", isHostFault: true });
    expect(countOf("ReadSector")).toBe(2);
    expect(pool.score(host.hostKey).failureRate).toBe(1);
  });

  test("a failed dial fails all waiting calls without further dials", async () => {
    let dials = 0;
    network.onDial = async (hostKey) => {
      dials++;
      await new Promise((resolve) => setImmediate(resolve));
      throw new HostError(hostKey, "network-unreachable", "no route");
    };
    const failed = await Promise.all([failureOf(read()), failureOf(read())]);
    expect(failed.map(({ code }) => code)).toEqual(["network-unreachable", "network-unreachable"]);
    expect(dials).toBe(1);
    expect(pool.score(host.hostKey).failureRate, "not the host's failure").toBe(0);
  });

  test("if the pool exceeds maxConnections, the least recently used connection is closed", async () => {
    pool = makePool({ maxConnections: 2 });
    const others = [addHost(2), addHost(3)];
    await read();
    clock.skip(1000);
    for (const other of others) {
      await pool.balance(targetOf(other), caller.signal);
      clock.skip(1000);
    }
    expect(network.connections.map(({ isClosed }) => isClosed)).toEqual([true, false, false]);
  });
});

describe("an environment that was frozen", () => {
  beforeEach(async () => {
    await read();
    host.calls.length = 0;
  });

  test("after a short freeze connections are used as before", async () => {
    clock.skip(3_000);
    await pool.checkReused();
    await read();
    expect(host.calls).toEqual(["ReadSector"]);
  });

  test("after a longer freeze a connection is tested before use", async () => {
    clock.skip(60_000);
    await pool.checkReused();
    await Promise.all([read(), read()]);
    expect(host.calls).toEqual(["Settings", "ReadSector", "ReadSector"]);
    expect(network.connections).toHaveLength(1);
    await read();
    expect(countOf("Settings")).toBe(1);
  });

  test("after a freeze a dead connection is detected and replaced", async () => {
    clock.skip(60_000);
    connection().isBlackHole = true;
    await pool.checkReused();
    const reading = read();
    await until(() => clock.pending >= 2);
    await clock.advance(2_000);
    await reading;
    expect(network.connections).toHaveLength(2);
    expect(connection(0).isClosed).toBe(true);
    expect(pool.score(host.hostKey).failureRate, "the freeze is not the host's failure").toBe(0);
  });

  test.each([300_001, -1])(
    "after a freeze of %i ms the connection is not tested but replaced",
    async (pauseMs) => {
      clock.skip(pauseMs);
      await pool.checkReused();
      expect(connection().isClosed).toBe(true);
      await read();
      expect(network.connections).toHaveLength(2);
    },
  );

  test("after a freeze longer than the prices' validity new prices are fetched", async () => {
    clock.skip(3_600_000);
    host.prices = { ...host.prices, validUntilSeconds: host.prices.validUntilSeconds + 3600n };
    await pool.checkReused();
    await read();
    expect(host.calls).toEqual(["Settings", "ReadSector"]);
  });

  test("if a host answers the test of a connection with an error, the connection counts as working", async () => {
    clock.skip(60_000);
    await pool.checkReused();
    let refusals = 1;
    host.misbehave = async (rpc, stream) => {
      if (rpc !== "Settings" || refusals-- <= 0) return undefined;
      await stream.write(encodeWireError({ code: 2, description: "internal error" }));
      return "done";
    };
    await read();
    expect(network.connections).toHaveLength(1);
  });
});
