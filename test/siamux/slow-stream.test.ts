import { expect, test } from "vitest";
import type { MuxStream } from "../../lib/siamux/mux.ts";
import { until } from "../support/until.ts";
import { dialRawHost, joinMuxes, nextStream, patternBytes } from "./join.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("an unread stream does not delay other streams", async () => {
  const { client, host } = await joinMuxes();
  const opened: MuxStream[] = [];
  host.onStream((stream) => opened.push(stream));
  const [slow, quick] = [client.openStream(), client.openStream()];
  await slow.write(Uint8Array.of(1));
  await quick.write(Uint8Array.of(2));
  await until(() => opened.length === 2, Boolean, { everyMs: 0 });
  // A whole sector waits unread on the first stream while the second is served.
  await opened[0]!.write(patternBytes(4_194_304));
  await opened[1]!.write(Uint8Array.of(9));
  expect(await quick.readExactly(1)).toEqual(Uint8Array.of(9));
  const target = new Uint8Array(4_194_304);
  await slow.readInto(target);
  expect(Buffer.from(target).equals(patternBytes(4_194_304))).toBe(true);
  client.close();
  host.close();
});

test("a large write does not delay a small write, because their frames alternate", async () => {
  const { client, host, hostEnd } = await dialRawHost();
  const [bulk, small] = [client.openStream(), client.openStream()];
  hostEnd.stall(true);
  const writing = bulk.write(patternBytes(4_194_304));
  await turn();
  const sent = small.write(Uint8Array.of(1));
  hostEnd.stall(false);
  await sent;
  const frames = await host.framesWhen((all) => all.some((frame) => frame.id === small.id));
  expect(frames.findIndex((frame) => frame.id === small.id)).toBeLessThan(100);
  await writing;
  client.close();
});

test("while the transport is full, the write of a sector waits after less than a tenth of the sector", async () => {
  const { client, host, clientEnd, hostEnd } = await dialRawHost();
  hostEnd.stall(true);
  const stream = client.openStream();
  let isWritten = false;
  const writing = stream.write(patternBytes(4_194_304)).then(() => {
    isWritten = true;
  });
  for (let i = 0; i < 20; i++) await turn();
  expect(isWritten).toBe(false);
  expect(clientEnd.writtenBytes.length + clientEnd.writableLength).toBeLessThan(400_000);
  hostEnd.stall(false);
  await host.framesWhen((all) => all.length === 977);
  await writing;
  client.close();
});

test("writes of one tick share a packet, on one stream and on several", async () => {
  const { client, clientEnd } = await dialRawHost();
  const before = clientEnd.written.length;
  const [a, b] = [client.openStream(), client.openStream()];
  await Promise.all([a.write(Uint8Array.of(1)), a.write(Uint8Array.of(2)), b.write(Uint8Array.of(3))]);
  expect(clientEnd.written.slice(before).map((bytes) => bytes.length)).toEqual([4320]);
  client.close();
});

test("300,000 unread bytes of a stream do not pause the transport", async () => {
  const { client, host, clientEnd, hostEnd } = await joinMuxes({ host: { maxBufferedBytes: 1_000 } });
  const accepted = nextStream(host);
  await client.openStream().write(Uint8Array.of(1));
  await (await accepted).write(patternBytes(300_000));
  for (let i = 0; i < 20; i++) await turn();
  expect([clientEnd.isPaused(), hostEnd.isPaused()]).toEqual([false, false]);
  client.close();
  host.close();
});
