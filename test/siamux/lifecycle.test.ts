import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect, test } from "vitest";
import { MuxConnection } from "../../lib/siamux/connection.ts";
import { acceptMux, dialMux } from "../../lib/siamux/establish-mux.ts";
import { resolveMuxOptions } from "../../lib/siamux/mux-options.ts";
import { PacketCipher } from "../../lib/siamux/packet-cipher.ts";
import { FakeClock } from "./fake-clock.ts";
import {
  codeOf,
  dialRawHost,
  HOST_KEY,
  HOST_SEED,
  hostIdentity,
  joinMuxes,
  nextStream,
  patternBytes,
} from "./join.ts";
import { memoryPair } from "./memory-pair.ts";
import { RawPeer } from "./raw-peer.ts";

test("close() fails every stream and sends pending data, and the peer sees an orderly end", async () => {
  const { client, host } = await joinMuxes();
  const accepted = nextStream(host);
  const stream = client.openStream();
  const reading = codeOf(stream.readExactly(1));
  await stream.write(patternBytes(100_000));
  client.close();
  expect(client.isClosed).toBe(true);
  expect(await reading).toBe("closed-locally");
  expect(await codeOf(stream.write(Uint8Array.of(1)))).toBe("closed-locally");
  expect(await (await accepted).readExactly(100_000)).toEqual(patternBytes(100_000));
  expect((await client.closed).code).toBe("closed-locally");
  expect((await host.closed).code).toBe("closed-by-peer");
});

test("the peer learns of a stream's close even if the connection is closed right afterwards", async () => {
  const { client, host } = await joinMuxes();
  const accepted = nextStream(host);
  const stream = client.openStream();
  await stream.write(Uint8Array.of(1));
  const theirs = await accepted;
  stream.close();
  client.close();
  await theirs.whenPeerCloses;
  expect(theirs.peerClosed).toBe(true);
  await host.closed;
});

test("destroy() fails every stream with a reason that carries the cause", async () => {
  const { client, host } = await joinMuxes();
  const reading = client.openStream().readExactly(1);
  const cause = new Error("the deadline is near");
  client.destroy(cause);
  const reason = await client.closed;
  expect(reason).toMatchObject({ code: "destroyed", cause });
  await expect(reading).rejects.toBe(reason);
  client.close();
  client.destroy(new Error("again"));
  expect(await client.closed).toBe(reason);
  await host.closed;
});

test("an error of the transport closes the connection, and the reason of the close has this error as cause", async () => {
  const { client, host, clientEnd } = await joinMuxes();
  const cause = new Error("ECONNRESET");
  clientEnd.destroy(cause);
  expect(await client.closed).toMatchObject({ code: "connection-failed", cause });
  expect((await host.closed).code).toBe("closed-by-peer");
});

test("bytes that arrived before the connection ended can still be read", async () => {
  const { client, host, hostEnd } = await dialRawHost();
  const stream = client.openStream();
  await stream.write(Uint8Array.of(1));
  host.sendFrames([{ id: 256, flags: 0, payload: Uint8Array.of(1, 2, 3) }]);
  hostEnd.end();
  expect((await client.closed).code).toBe("closed-by-peer");
  expect(await stream.readExactly(3)).toEqual(Uint8Array.of(1, 2, 3));
  expect(await codeOf(stream.readExactly(1))).toBe("closed-by-peer");
});

test("a peer that does not read cannot keep a closed connection open", async () => {
  const clock = new FakeClock();
  const { client, hostEnd } = await dialRawHost({ clock });
  hostEnd.stall(true);
  const writing = codeOf(client.openStream().write(patternBytes(1_000_000)));
  await new Promise((resolve) => setImmediate(resolve));
  client.close();
  expect(await writing).toBe("closed-locally");
  clock.advance(2_000);
  expect((await client.closed).code).toBe("closed-locally");
  expect(clock.pendingTimers).toBe(0);
});

test("no timer and no listener of ours is left when a connection has ended", async () => {
  const clocks = [new FakeClock(), new FakeClock()] as const;
  const { client, host, clientEnd, hostEnd } = await joinMuxes({
    client: { clock: clocks[0] },
    host: { clock: clocks[1] },
  });
  expect(clocks.map((clock) => clock.pendingTimers)).toEqual([1, 1]);
  client.close();
  await Promise.all([client.closed, host.closed]);
  expect(clocks.map((clock) => clock.pendingTimers)).toEqual([0, 0]);
  for (const end of [clientEnd, hostEnd]) {
    expect(end.destroyed).toBe(true);
    for (const event of ["data", "drain", "close", "error", "readable"])
      expect(end.listenerCount(event)).toBe(0);
  }
});

test("a closed connection over real sockets leaves no socket and no immediate behind", async () => {
  const counted = () =>
    process.getActiveResourcesInfo().filter((name) => /TCPSocket|Immediate/.test(name)).length;
  const before = counted();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const incoming = new Promise<Socket>((resolve) => server.once("connection", resolve));
  const outgoing = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [client, host] = await Promise.all([
    dialMux(outgoing, HOST_KEY),
    incoming.then((socket) => acceptMux(socket, hostIdentity())),
  ]);
  const accepted = nextStream(host);
  const stream = client.openStream();
  const data = patternBytes(4_194_304);
  const writing = stream.write(data);
  const theirs = await accepted;
  const target = new Uint8Array(data.length);
  await theirs.readInto(target);
  await writing;
  expect(Buffer.from(target).equals(data)).toBe(true);
  await theirs.write(Uint8Array.of(1));
  theirs.close();
  expect(await stream.readExactly(1)).toEqual(Uint8Array.of(1));
  await stream.whenPeerCloses;
  client.close();
  await Promise.all([client.closed, host.closed]);
  await new Promise((resolve) => server.close(resolve));

  expect(counted()).toBe(before);
});

test("a host that answers and closes at once leaves no caller waiting", async () => {
  const [clientEnd, hostEnd] = memoryPair();
  const host = new RawPeer(hostEnd, "acceptor");
  const outcome = codeOf(dialMux(clientEnd, HOST_KEY).then(async (mux) => Promise.reject(await mux.closed)));
  await host.accept(HOST_SEED, { stopAfterBytes: 120 });
  hostEnd.end();
  expect(["closed-by-peer", "handshake-connection-lost"]).toContain(await outcome);
});

test.each([
  ["close", (duplex: Duplex) => duplex.destroy()],
  ["end", (duplex: Duplex) => duplex.push(null)],
] as const)("a transport whose %s came before the connection could listen ends it", async (event, finish) => {
  const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const finished = new Promise((resolve) => duplex.once(event, resolve));
  duplex.resume();
  finish(duplex);
  await finished;
  const mux = new MuxConnection({
    duplex,
    role: "dialer",
    cipher: new PacketCipher(new Uint8Array(32), "dialer"),
    settings: { packetSizeBytes: 4320, maxTimeoutMs: 1_200_000 },
    options: resolveMuxOptions({}, "dialer"),
    handshakeTail: undefined,
  });
  expect(mux.isClosed).toBe(true);
  expect((await mux.closed).code).toBe("closed-by-peer");
});

test("dialling a dead address fails as a lost connection", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await expect(dialMux(connect(port, "127.0.0.1"), HOST_KEY)).rejects.toMatchObject({
    code: "handshake-connection-lost",
    cause: { code: "ECONNREFUSED" },
  });
});
