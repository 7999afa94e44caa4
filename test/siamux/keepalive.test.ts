import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.ts";
import { dialRawHost } from "./join.ts";
import type { RawPeer } from "./raw-peer.ts";
import type { ReferenceFrame } from "./reference.ts";

const MINUTE_MS = 60_000;
/** 75 % of the 20 minutes that both sides propose. */
const INTERVAL_MS = 15 * MINUTE_MS;

const KEEPALIVE: ReferenceFrame = { id: 0, flags: 0, payload: new Uint8Array() };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Waits until the dialer's settings are sent, in the next turn of the event loop; then the connection is idle. */
async function idleConnection(maxTimeoutMs = 20 * MINUTE_MS) {
  const clock = new FakeClock();
  const joined = await dialRawHost({ clock, maxTimeoutMs });
  return { ...joined, clock };
}

const keepalivesWhen = (host: RawPeer, count: number) => host.framesWhen((frames) => frames.length >= count);

test("a keepalive is one packet, sent after 75 % of the maximum timeout without a write", async () => {
  const { client, host, clock, clientEnd } = await idleConnection();
  const sentBytes = clientEnd.writtenBytes.length;
  clock.advance(INTERVAL_MS - 1);
  expect(clientEnd.writtenBytes.length).toBe(sentBytes);
  clock.advance(1);
  expect(await keepalivesWhen(host, 1)).toEqual([KEEPALIVE]);
  expect(clientEnd.writtenBytes.length).toBe(sentBytes + 4320);
  client.close();
});

test("the smaller of the two sides' maximum timeouts is used", async () => {
  const { client, host, clock } = await idleConnection(4 * MINUTE_MS);
  clock.advance(3 * MINUTE_MS);
  expect(await keepalivesWhen(host, 1)).toEqual([KEEPALIVE]);
  client.close();
});

test("three keepalives are sent; the fourth attempt closes the connection", async () => {
  const { client, host, clock } = await idleConnection();
  const stream = client.openStream();
  for (let i = 1; i <= 3; i++) {
    clock.advance(INTERVAL_MS);
    expect((await keepalivesWhen(host, i)).length).toBe(i);
  }
  clock.advance(INTERVAL_MS - 1);
  expect(client.isClosed).toBe(false);
  clock.advance(1);
  const reason = await client.closed;
  expect(reason.code).toBe("inactive");
  await expect(stream.write(Uint8Array.of(1))).rejects.toBe(reason);
  expect(host.frames().length).toBe(3);
  expect(clock.pendingTimers).toBe(0);
});

test("the peer's frames keep the connection open, its keepalives do not", async () => {
  const { client, host, clock } = await idleConnection();
  const stream = client.openStream();
  await stream.write(Uint8Array.of(1));
  clock.advance(3 * INTERVAL_MS);
  host.sendFrames([{ id: 256, flags: 0, payload: Uint8Array.of(2) }]);
  await stream.readExactly(1);
  clock.advance(3 * INTERVAL_MS);
  expect(client.isClosed).toBe(false);
  host.sendFrames([KEEPALIVE, KEEPALIVE]);
  await turn();
  await turn();
  clock.advance(INTERVAL_MS);
  expect((await client.closed).code).toBe("inactive");
});

test("a write delays the next keepalive and resets the count of keepalives", async () => {
  const { client, host, clock } = await idleConnection();
  const stream = client.openStream();
  clock.advance(3 * INTERVAL_MS + 10 * MINUTE_MS);
  await stream.write(Uint8Array.of(1));
  expect((await keepalivesWhen(host, 4)).filter((frame) => frame.id === 0).length).toBe(3);
  clock.advance(INTERVAL_MS - 1);
  await turn();
  expect(host.frames().length).toBe(4);
  clock.advance(1);
  expect((await keepalivesWhen(host, 5)).length).toBe(5);
  clock.advance(2 * INTERVAL_MS);
  expect(client.isClosed).toBe(false);
  clock.advance(INTERVAL_MS);
  expect((await client.closed).code).toBe("inactive");
});

test("a transport that accepts no more data counts as idle, and its connection is finally given up", async () => {
  const { client, clock, clientEnd, hostEnd } = await idleConnection();
  hostEnd.stall(true);
  const writing = client
    .openStream()
    .write(new Uint8Array(1_000_000))
    .catch((error: { code: string }) => error.code);
  await turn();
  const handedOver = () => clientEnd.writtenBytes.length + clientEnd.writableLength;
  const before = handedOver();
  clock.advance(3 * INTERVAL_MS);
  expect(handedOver()).toBe(before);
  clock.advance(INTERVAL_MS);
  expect(await writing).toBe("inactive");
});
