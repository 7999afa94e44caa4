/** In whatever way a transfer ends, its reported cost is never less than what the host has charged. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { mayHaveCharged } from "../../lib/hosts/charge-meter.ts";
import type { HostTarget } from "../../lib/hosts/host-dialer.ts";
import { createHostPool, type HostPool } from "../../lib/hosts/host-pool.ts";
import { rangeRead, sectorWrite } from "../../lib/hosts/paid-rpc.ts";
import { readSectorCost, writeSectorCost } from "../../lib/rhp4/costs.ts";
import { encodeWireError } from "../../lib/rhp4/framing.ts";
import { rpcErrorFromWire, type WireError } from "../../lib/rhp4/rpc-error.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import type { Root } from "../../lib/slab/ids.ts";
import { createTestHost, type TestHost } from "../rhp4/rpc-server.ts";
import { accountKey, filled, hostIdentity } from "../rhp4/samples.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { createMemoryNetwork } from "./memory-network.ts";

const LENGTH = 262_144;
let host: TestHost;
let target: HostTarget;
let pool: HostPool;
let caller: AbortController;
let root: Root;
let told: bigint[];

beforeEach(() => {
  const clock = createFakeClock();
  const network = createMemoryNetwork();
  caller = new AbortController();
  told = [];
  host = createTestHost(hostIdentity(filled(32, 1)), () => clock.now());
  network.add(host);
  target = { hostKey: host.hostKey, addresses: ["1.1.1.1:9984"] };
  root = host.store(filled(LENGTH, 7));
  pool = createHostPool({ dialer: network.dialer, account: accountKey, clock });
});
afterEach(() => pool.close());

const onCharged = (hastings: bigint): void => void told.push(hastings);
const read = (of: Root = root) =>
  pool.call(target, rangeRead({ root: of, offset: 0, into: new Uint8Array(LENGTH) }), {
    signal: caller.signal,
    onCharged,
  });
const write = () => pool.call(target, sectorWrite(filled(LENGTH, 9)), { signal: caller.signal, onCharged });
const readCost = () => readSectorCost(host.prices, LENGTH);
const writeCost = () => writeSectorCost(host.prices, LENGTH);

/** Makes the host read this many bytes of each paid call, and then answer with the error `wire`. */
function refuseAfter(bytes: number, wire: WireError): void {
  host.misbehave = async (rpc, stream) => {
    if (rpc === "Settings") return undefined;
    await stream.readExactly(bytes);
    await stream.write(encodeWireError(wire));
    return "done";
  };
}
/**
 * Makes the host read this many bytes of each paid call and never answer. `then` is called after the bytes are read.
 */
function silentAfter(bytes: number, then: (stream: RpcStream) => void): void {
  host.misbehave = async (rpc, stream) => {
    if (rpc === "Settings") return undefined;
    await stream.readExactly(bytes);
    then(stream);
    await stream.whenPeerCloses;
    return "done";
  };
}
const REQUEST = 300;

describe("charges are reported for", () => {
  test("successful calls, with the amounts that the host debits", async () => {
    const before = host.balance;
    await read();
    await write();
    expect(told).toEqual([readCost(), writeCost()]);
    expect(before - host.balance).toBe(readCost() + writeCost());
  });

  test("a read that was cancelled after the request was sent", async () => {
    silentAfter(REQUEST, () => caller.abort());
    await expect(read()).rejects.toMatchObject({ code: "aborted" });
    expect(told).toEqual([readCost()]);
  });

  test("a write that was cancelled after the host had all the data", async () => {
    silentAfter(REQUEST + LENGTH, () => caller.abort());
    await expect(write()).rejects.toMatchObject({ code: "aborted" });
    expect(told).toEqual([writeCost()]);
  });

  test("a refusal for lack of space or because of a corrupt sector", async () => {
    refuseAfter(REQUEST + LENGTH, { code: 2, description: "not enough storage" });
    await expect(write()).rejects.toMatchObject({ code: "not-enough-storage" });
    refuseAfter(REQUEST, { code: 2, description: "sector corrupt" });
    await expect(read()).rejects.toMatchObject({ code: "sector-corrupt" });
    expect(told).toEqual([writeCost(), readCost()]);
  });

  test("the repeated call but not the first call, if the host refused the first call's prices as expired", async () => {
    let refusals = 1;
    host.misbehave = async (rpc, stream) => {
      if (rpc !== "ReadSector" || refusals-- <= 0) return undefined;
      const description = "request invalid: prices are invalid: prices expired (3)";
      await stream.write(encodeWireError({ code: 3, description }));
      return "done";
    };
    await read();
    expect(told).toEqual([readCost()]);
  });
});

describe("no charges are reported for", () => {
  test("a missing sector or an empty account", async () => {
    await expect(read("00".repeat(32) as Root)).rejects.toMatchObject({ code: "sector-not-found" });
    host.balance = 0n;
    await expect(read()).rejects.toMatchObject({ code: "not-enough-funds" });
    await expect(write()).rejects.toMatchObject({ code: "not-enough-funds" });
    expect(told).toEqual([]);
  });

  test("a write that was refused or cancelled before the host had all the data", async () => {
    refuseAfter(REQUEST, { code: 3, description: "request invalid: no (3)" });
    await expect(write()).rejects.toMatchObject({ code: "host-refused" });
    silentAfter(REQUEST, () => caller.abort());
    await expect(write()).rejects.toMatchObject({ code: "aborted" });
    expect(told).toEqual([]);
  });

  test("a call that never began", async () => {
    caller.abort();
    await expect(read()).rejects.toMatchObject({ code: "aborted" });
    expect(told).toEqual([]);
  });
});

test.each<[WireError, boolean]>([
  [{ code: 2, description: "sector not found" }, false],
  [{ code: 2, description: "host is shutting down" }, false],
  [{ code: 5, description: "not enough funds" }, false],
  [{ code: 3, description: "request invalid: prices are invalid: prices expired (3)" }, false],
  [{ code: 4, description: "cut" }, false],
  [{ code: 2, description: "sector corrupt" }, true],
  [{ code: 2, description: "not enough storage" }, true],
  [{ code: 2, description: "internal error" }, true],
  [{ code: 99, description: "who knows" }, true],
])("the answer %j may come after the charge: %s", (wire, expected) => {
  expect(mayHaveCharged(rpcErrorFromWire(wire))).toBe(expected);
});

test("a broken connection may mean that the host has charged", () => {
  expect(mayHaveCharged(new Error("connection reset"))).toBe(true);
});
