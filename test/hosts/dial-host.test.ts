import { createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../lib/clock/clock.ts";
import type { ConnectEndpoint } from "../../lib/hosts/connect-endpoint.ts";
import { createHostDialer } from "../../lib/hosts/dial-host.ts";
import type { HostConnection } from "../../lib/hosts/host-dialer.ts";
import { createHostPool, type HostPool } from "../../lib/hosts/host-pool.ts";
import { rangeRead, sectorWrite } from "../../lib/hosts/paid-rpc.ts";
import { encodeWireError } from "../../lib/rhp4/framing.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { type Answered, createTestHost, type TestHost } from "../rhp4/rpc-server.ts";
import { accountKey, filled, hostIdentity } from "../rhp4/samples.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { until } from "../support/until.ts";
import { startChoppingProxy } from "../wire/chopping-proxy.ts";
import { listen, type SocketHost } from "./socket-host.ts";

let host: TestHost;
let server: SocketHost;
const signal = new AbortController().signal;
const open: HostConnection[] = [];
let cleanUp: (() => Promise<void>)[];

beforeEach(async () => {
  cleanUp = [];
  host = createTestHost(hostIdentity(filled(32, 1)), () => Date.now());
  server = await listen(host);
  cleanUp.push(() => server.stop());
});

afterEach(async () => {
  for (const connection of open.splice(0)) {
    connection.close();
    await connection.closed;
  }
  for (const clean of cleanUp.reverse()) await clean();
});

function dialer(options: Partial<Parameters<typeof createHostDialer>[0]> = {}) {
  const dial = createHostDialer({ clock: systemClock, allowPrivateAddresses: true, ...options });
  return async (addresses: readonly string[], hostKey = host.hostKey, abort = signal) => {
    const connection = await dial({ hostKey, addresses }, abort);
    open.push(connection);
    return connection;
  };
}

function makePool(): HostPool {
  const dial = createHostDialer({ clock: systemClock, allowPrivateAddresses: true });
  const pool = createHostPool({ dialer: dial, account: accountKey, clock: systemClock });
  cleanUp.push(() => pool.close());
  return pool;
}

/** Accepts the connection, reads what arrives, and never answers. */
function stayMute(socket: Socket): true {
  socket.resume();
  return true;
}

const coded = (code: string) => Object.assign(new Error(code), { code });

test("many simultaneous writes and reads of sectors work over a real connection", async () => {
  const pool = makePool();
  const target = { hostKey: host.hostKey, addresses: [server.address] };
  const data = Uint8Array.from({ length: SECTOR_BYTES }, (_, i) => (i * 7) % 251);
  const { root } = await pool.call(target, sectorWrite(data), { signal });
  const MiB = 1_048_576;
  const ranges = [0, 1, 2, 3].map((i) => ({ offset: i * MiB, into: new Uint8Array(MiB) }));
  const read = ({ offset, into }: { offset: number; into: Uint8Array }) =>
    pool.call(target, rangeRead({ root, offset, into }), { signal });
  const results = await Promise.all(ranges.map(read));
  for (const { offset, into } of ranges) {
    expect(Buffer.compare(into, data.subarray(offset, offset + MiB))).toBe(0);
  }
  expect(results.every(({ proof }) => proof.length === 2)).toBe(true);
  expect(server.accepted()).toBe(1);
  expect(pool.score(host.hostKey).bytesPerSecond).toBeGreaterThan(0);
});

test("a write that is refused early stops, and the connection can be used again", async () => {
  const pool = makePool();
  const target = { hostKey: host.hostKey, addresses: [server.address] };
  await pool.prices(target, signal);
  host.misbehave = async (rpc, stream): Promise<Answered> => {
    if (rpc !== "WriteSector") return undefined;
    await stream.write(encodeWireError({ code: 2, description: "not enough storage" }));
    return "done";
  };
  const write = pool.call(target, sectorWrite(new Uint8Array(SECTOR_BYTES)), { signal });
  await expect(write).rejects.toMatchObject({ code: "not-enough-storage" });
  expect(await pool.balance(target, signal)).toBe(host.balance);
  expect(server.accepted()).toBe(1);
});

test("a host that drops the connection during a read is tried once more, then given up", async () => {
  const pool = makePool();
  const target = { hostKey: host.hostKey, addresses: [server.address] };
  const root = host.store(filled(SECTOR_BYTES, 3));
  await pool.prices(target, signal);
  host.misbehave = (rpc) => {
    if (rpc === "ReadSector") for (const socket of server.sockets) socket.resetAndDestroy();
    return undefined;
  };
  const into = new Uint8Array(SECTOR_BYTES);
  const read = pool.call(target, rangeRead({ root, offset: 0, into }), { signal });
  await expect(read).rejects.toMatchObject({ code: "connection-lost", meansLost: false });
  expect(server.accepted()).toBe(2);
});

test("unspecified and local addresses are dialled if private addresses are allowed", async () => {
  await dialer()([`0.0.0.0:${server.port}`]);
  const resolveName = async () => ["127.0.0.1"];
  await dialer({ resolveName })([`host.example:${server.port}`]);
  expect(server.accepted()).toBe(2);
});

test("an IPv6 host announced as [::] is dialled if the machine has IPv6", async ({ skip }) => {
  const v6 = await listen(host, { address: "::" }).catch(() => undefined);
  if (!v6) return skip("no IPv6 on this machine");
  cleanUp.push(() => v6.stop());
  await dialer()([v6.address]);
  expect(v6.accepted()).toBe(1);
});

test("if private addresses are not allowed, they are refused, whether announced directly or found by name", async () => {
  const resolveName = async () => ["127.0.0.1", "::ffff:127.0.0.1", "169.254.169.254"];
  const dial = dialer({ allowPrivateAddresses: false, resolveName });
  await expect(dial([server.address])).rejects.toMatchObject({ code: "address-refused" });
  await expect(dial([`host.example:${server.port}`])).rejects.toMatchObject({ code: "address-refused" });
  expect(server.accepted()).toBe(0);
});

test("the resolved address is dialled, so that a name that resolves differently later has no effect", async () => {
  const answers = [["8.8.8.8"], ["127.0.0.1"]];
  const dialled: string[] = [];
  const dial = dialer({
    allowPrivateAddresses: false,
    resolveName: async () => answers.shift() ?? [],
    connectEndpoint: async ({ ip }) => {
      dialled.push(ip);
      throw coded("ECONNREFUSED");
    },
  });
  await expect(dial(["rebinding.example:80"])).rejects.toMatchObject({ code: "unreachable" });
  expect(dialled).toEqual(["8.8.8.8"]);
  expect(answers, "asked once").toHaveLength(1);
});

test("a wrong host key fails the handshake, even if a second address cannot be reached", async () => {
  const other = createTestHost(hostIdentity(filled(32, 2)), () => Date.now());
  const dialled = dialer()([server.address, "127.0.0.1:1"], other.hostKey);
  await expect(dialled).rejects.toMatchObject({ code: "handshake-failed", isHostFault: true });
});

test("a host that falls silent during a sector is given up after the silence limit, before the call's deadline", async () => {
  const dial = createHostDialer({ clock: systemClock, allowPrivateAddresses: true, maxSilenceMs: 150 });
  const pool = createHostPool({ dialer: dial, account: accountKey, clock: systemClock });
  cleanUp.push(() => pool.close());
  const target = { hostKey: host.hostKey, addresses: [server.address] };
  const root = host.store(filled(SECTOR_BYTES, 3));
  await pool.prices(target, signal);
  host.misbehave = async (rpc): Promise<Answered> => {
    if (rpc === "ReadSector") await new Promise(() => {});
    return undefined;
  };
  const into = new Uint8Array(SECTOR_BYTES);
  const read = pool.call(target, rangeRead({ root, offset: 0, into }), { signal });
  await expect(read).rejects.toMatchObject({ code: "connection-lost", cause: { code: "silent" } });
});

test("interleaved packets of many connections, split at any byte, are not mixed up", async () => {
  const proxies = await Promise.all(
    Array.from({ length: 4 }, (_, n) =>
      startChoppingProxy({ host: "127.0.0.1", port: server.port, seed: 100 + n }),
    ),
  );
  for (const proxy of proxies) cleanUp.push(() => proxy.close());
  const sectors = proxies.map((_, n) =>
    Uint8Array.from({ length: SECTOR_BYTES }, (__, i) => (i * 7 + (i >> 12) * 3 + n) & 0xff),
  );
  const roots = sectors.map((sector) => host.store(sector));
  await Promise.all(
    proxies.map(async (proxy, n) => {
      // Each transfer has its own pool, and therefore its own connection. All connections share the process's packet
      // memory.
      const pool = makePool();
      const target = { hostKey: host.hostKey, addresses: [`127.0.0.1:${proxy.port}`] };
      const into = new Uint8Array(SECTOR_BYTES);
      await pool.call(target, rangeRead({ root: roots[n]!, offset: 0, into }), { signal });
      expect(Buffer.compare(into, sectors[n]!)).toBe(0);
    }),
  );
});

test("a host is unreachable if nothing listens on its port", async () => {
  await server.stop();
  const failed = dialer()([server.address]);
  await expect(failed).rejects.toMatchObject({ code: "unreachable", isHostFault: true });
  await expect(failed).rejects.toThrow(/ECONNREFUSED/);
});

test("a peer that is no host and closes at once fails the handshake, and does not count as unreachable", async () => {
  const sockets = new Set<Socket>();
  const web = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.end(`HTTP/1.1 400 Bad Request\r\n\r\n${"x".repeat(200)}`);
  });
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  cleanUp.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => web.close(resolve));
  });
  const address = web.address();
  if (address === null || typeof address === "string") throw new Error("not a TCP server");
  await expect(dialer()([`127.0.0.1:${address.port}`])).rejects.toMatchObject({ code: "handshake-failed" });
});

test.each([
  [["ENETUNREACH", "EAFNOSUPPORT"], "network-unreachable", false],
  [["EADDRNOTAVAIL", "EMFILE"], "network-unreachable", false],
  [["ENETUNREACH", "ECONNREFUSED"], "unreachable", true],
  [["EHOSTUNREACH", "ETIMEDOUT"], "unreachable", true],
])("%j means %s; the host's failure: %s", async (codes, code, isHostFault) => {
  const left = [...codes];
  const connectEndpoint: ConnectEndpoint = async () => {
    throw coded(left.shift() ?? "ENETUNREACH");
  };
  const failed = dialer({ connectEndpoint })(["[2606:4700::1]:9984", "1.1.1.1:9984"]);
  await expect(failed).rejects.toMatchObject({ code, isHostFault });
});

test("an unreachable address family does not matter if the other family works", async () => {
  const resolveName = async () => ["2606:4700::1", "127.0.0.1"];
  const tried: string[] = [];
  const { connectTcp } = await import("../../lib/hosts/connect-endpoint.ts");
  const connectEndpoint: ConnectEndpoint = async (endpoint, abort) => {
    tried.push(endpoint.ip);
    if (endpoint.ip.includes(":")) throw coded("ENETUNREACH");
    return connectTcp(endpoint, abort);
  };
  await dialer({ resolveName, connectEndpoint })([`host.example:${server.port}`]);
  expect(tried).toEqual(["2606:4700::1", "127.0.0.1"]);
});

test("a dial tries at most two addresses simultaneously, for ten seconds in all, and leaves nothing behind", async () => {
  const clock = createFakeClock();
  let dialling = 0;
  let most = 0;
  const connectEndpoint: ConnectEndpoint = (_endpoint, abort) => {
    most = Math.max(most, ++dialling);
    return new Promise((_resolve, reject) => {
      abort.addEventListener("abort", () => {
        dialling--;
        reject(abort.reason as Error);
      });
    });
  };
  const addresses = ["1.1.1.1:1", "1.1.1.2:1", "1.1.1.3:1", "1.1.1.4:1"];
  const failed = dialer({ clock, connectEndpoint })(addresses).catch((error: unknown) => error);
  await clock.advance(0);
  await clock.advance(9_999);
  expect([most, dialling]).toEqual([2, 2]);
  await clock.advance(1);
  expect(await failed).toMatchObject({ code: "unreachable" });
  expect([dialling, clock.pending]).toEqual([0, 0]);
});

test("the second address is tried in parallel with a slow first one, and the slower connection is closed", async () => {
  const clock = createFakeClock();
  const mute = await listen(host, { onSocket: stayMute });
  cleanUp.push(() => mute.stop());
  const dialling = dialer({ clock })([mute.address, server.address]);
  await until(() => mute.accepted() > 0, Boolean, { everyMs: 0 });
  expect(server.accepted()).toBe(0);
  await clock.advance(250);
  await dialling;
  await until(() => mute.sockets.size === 0, Boolean, { everyMs: 0 });
  expect(clock.pending).toBe(0);
});

test("an abort ends a dial in any phase", async () => {
  const mute = await listen(host, { onSocket: stayMute });
  cleanUp.push(() => mute.stop());
  const inHandshake = new AbortController();
  const first = dialer()([mute.address], host.hostKey, inHandshake.signal).catch((error: unknown) => error);
  await until(() => mute.accepted() > 0);
  inHandshake.abort();
  expect(await first).toMatchObject({ code: "aborted" });
  await until(() => mute.sockets.size === 0);

  const inLookup = new AbortController();
  const resolveName = (_name: string, abort: AbortSignal) =>
    new Promise<string[]>((_resolve, reject) => {
      abort.addEventListener("abort", () => reject(abort.reason as Error));
    });
  const second = dialer({ resolveName })(["a.example:1"], host.hostKey, inLookup.signal).catch(
    (error: unknown) => error,
  );
  inLookup.abort();
  expect(await second).toMatchObject({ code: "aborted" });
});
