import { describe, expect, test } from "vitest";
import { StreamError } from "../../lib/siamux/siamux-error.ts";
import { FLAG_ERROR, FLAG_FIRST, FLAG_LAST } from "../../lib/siamux/wire-format.ts";
import { acceptRawDialer, codeOf, dialRawHost, joinMuxes, nextStream, patternBytes } from "./join.ts";
import type { ReferenceFrame } from "./reference.ts";

const text = (value: string) => new TextEncoder().encode(value);
const on = (id: number) => (frame: ReferenceFrame) => frame.id === id;
const hasLast = (id: number) => (frames: readonly ReferenceFrame[]) =>
  frames.some((frame) => frame.id === id && (frame.flags & FLAG_LAST) !== 0);

describe("opening", () => {
  test("the dialer opens the streams 256, 258, ...; FIRST is set only on the first frame of each", async () => {
    const { client, host } = await dialRawHost();
    const [a, b] = [client.openStream(), client.openStream()];
    expect([a.id, b.id]).toEqual([256, 258]);
    await Promise.all([a.write(patternBytes(5000)), b.write(text("b"))]);
    const frames = await host.framesWhen((all) => all.length === 3);
    expect(frames.filter(on(256)).map((frame) => [frame.flags, frame.payload.length])).toEqual([
      [FLAG_FIRST, 4296],
      [0, 704],
    ]);
    expect(frames.filter(on(258)).map((frame) => frame.flags)).toEqual([FLAG_FIRST]);
    client.close();
  });

  test("the acceptor opens the streams 257, 259, ... if the dialer allows it", async () => {
    const { client, host } = await joinMuxes({ client: { maxPeerStreams: 2 } });
    const accepted = nextStream(client);
    const [a, b] = [host.openStream(), host.openStream()];
    expect([a.id, b.id]).toEqual([257, 259]);
    await a.write(text("hello"));
    expect(await (await accepted).readExactly(5)).toEqual(text("hello"));
    client.close();
    host.close();
  });

  test("nothing is sent when a stream is opened, or when it is closed before its first frame was sent", async () => {
    const { client, host } = await dialRawHost();
    client.openStream().close();
    client.openStream().destroy(new Error("not wanted"));
    const unsent = client.openStream();
    const writing = codeOf(unsent.write(text("never")));
    unsent.destroy(new Error("changed my mind"));
    expect(await writing).toEqual(new Error("changed my mind"));
    const seen = client.openStream();
    await seen.write(text("seen"));
    const frames = await host.framesWhen((all) => all.some(on(seen.id)));
    expect(frames.map((frame) => frame.id)).toEqual([seen.id]);
    expect(client.openStreamCount).toBe(1);
    client.close();
  });

  test("streams opened before a handler was set are handed over later, in order", async () => {
    const { client, host } = await joinMuxes();
    const streams = [client.openStream(), client.openStream()];
    for (const stream of streams) await stream.write(text("early"));
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const ids: number[] = [];
    host.onStream((stream) => ids.push(stream.id));
    expect(ids).toEqual([256, 258]);
    client.close();
    host.close();
  });
});

describe("reading", () => {
  test("a read takes exactly the requested bytes, first buffered ones, then arriving ones", async () => {
    const { host, dialer } = await acceptRawDialer();
    const accepted = nextStream(host);
    dialer.sendFrames([{ id: 256, flags: FLAG_FIRST, payload: text("abcdef") }]);
    const stream = await accepted;
    expect(await stream.readExactly(2)).toEqual(text("ab"));
    const target = new Uint8Array(6);
    const filled = stream.readInto(target);
    dialer.sendFrames([{ id: 256, flags: 0, payload: text("ghij") }]);
    await filled;
    expect(target).toEqual(text("cdefgh"));
    expect(await stream.readExactly(2)).toEqual(text("ij"));
    expect(await stream.readExactly(0)).toEqual(new Uint8Array());
    host.close();
  });

  test("a second simultaneous read is refused without side effects", async () => {
    const { host, dialer } = await acceptRawDialer();
    const accepted = nextStream(host);
    dialer.sendFrames([{ id: 256, flags: FLAG_FIRST, payload: new Uint8Array() }]);
    const stream = await accepted;
    const first = stream.readExactly(1);
    expect(await codeOf(stream.readExactly(1))).toBe("read-in-progress");
    dialer.sendFrames([{ id: 256, flags: 0, payload: text("x") }]);
    expect(await first).toEqual(text("x"));
    host.close();
  });

  test("after the peer's LAST, earlier bytes can still be read, then reads fail", async () => {
    const { client, host } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(text("?"));
    host.sendFrames([
      { id: 256, flags: 0, payload: text("answer") },
      { id: 256, flags: FLAG_LAST, payload: new Uint8Array() },
    ]);
    await stream.whenPeerCloses;
    expect(stream.peerClosed).toBe(true);
    expect(await stream.readExactly(6)).toEqual(text("answer"));
    const failure = await stream.readExactly(1).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StreamError);
    expect(failure).toMatchObject({ code: "stream-ended", details: { streamId: 256 } });
    client.close();
  });

  test("a waiting read fails with the peer's error text when the peer closes with an error", async () => {
    const { client, host } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(text("?"));
    const reading = stream.readExactly(10);
    host.sendFrames([{ id: 256, flags: FLAG_LAST | FLAG_ERROR, payload: text('no "room"') }]);
    await expect(reading).rejects.toMatchObject({ code: "peer-stream-error" });
    await expect(reading).rejects.toThrow(String.raw`the peer closed it with the error "no \"room\""`);
    expect(await codeOf(stream.write(text("more")))).toBe("peer-stream-error");
    client.close();
  });

  test("error texts of different streams are not mixed", async () => {
    const { client, host } = await dialRawHost();
    const streams = [client.openStream(), client.openStream()];
    for (const stream of streams) await stream.write(text("?"));
    const flags = FLAG_LAST | FLAG_ERROR;
    host.sendFrames(streams.map(({ id }) => ({ id, flags, payload: text(`refused ${id}`) })));
    for (const stream of streams) {
      await expect(stream.readExactly(1)).rejects.toThrow(`"refused ${stream.id}"`);
    }
    client.close();
  });

  test("a long error text is cut, and invalid UTF-8 does no harm", async () => {
    const { client, host } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(text("?"));
    const reading = stream.readExactly(1).catch((error: Error) => error.message.length);
    host.sendFrames([{ id: 256, flags: FLAG_LAST | FLAG_ERROR, payload: new Uint8Array(4296).fill(0xff) }]);
    expect(await reading).toBeLessThan(1_200);
    client.close();
  });
});

describe("closing", () => {
  test("pending writes are sent before LAST, and nothing is sent after LAST", async () => {
    const { client, host, clientEnd } = await dialRawHost();
    const stream = client.openStream();
    const writing = stream.write(patternBytes(200_000));
    stream.close();
    await writing;
    expect(await codeOf(stream.write(text("late")))).toBe("stream-closed");
    expect(await codeOf(stream.readExactly(1))).toBe("stream-closed");
    stream.close();
    const frames = await host.framesWhen(hasLast(256));
    expect(Buffer.concat(frames.map((frame) => frame.payload)).equals(patternBytes(200_000))).toBe(true);
    expect(frames.at(-1)).toEqual({ id: 256, flags: FLAG_LAST, payload: new Uint8Array() });
    expect(client.openStreamCount).toBe(0);
    const sent = clientEnd.written.length;
    await client.openStream().write(text("next"));
    expect(clientEnd.written.length).toBe(sent + 1);
    client.close();
  });

  test("destroy drops pending writes, rejects them with the given cause and notifies a peer that knows the stream", async () => {
    const { client, host, hostEnd } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(text("begin"));
    hostEnd.stall(true);
    const writing = stream.write(patternBytes(4_000_000));
    const reading = stream.readExactly(1);
    const cause = new Error("a faster host answered");
    await new Promise((resolve) => setImmediate(resolve));
    stream.destroy(cause);
    await expect(writing).rejects.toBe(cause);
    await expect(reading).rejects.toBe(cause);
    await expect(stream.write(text("more"))).rejects.toBe(cause);
    await expect(stream.readExactly(1)).rejects.toBe(cause);
    hostEnd.stall(false);
    const frames = await host.framesWhen(hasLast(256));
    const bytes = frames.reduce((sum, frame) => sum + frame.payload.length, 0);
    expect(bytes).toBeLessThan(400_000);
    expect(frames.filter((frame) => frame.flags === FLAG_LAST).length).toBe(1);
    await stream.whenPeerCloses;
    client.close();
  });

  test("a writer stops at once when its peer closes the stream", async () => {
    const { client, host, hostEnd } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(text("begin"));
    await host.framesWhen((frames) => frames.length === 1);
    hostEnd.stall(true);
    const writing = stream.write(patternBytes(4_194_304));
    host.sendFrames([{ id: 256, flags: FLAG_LAST, payload: new Uint8Array() }]);
    expect(await codeOf(writing)).toBe("peer-closed-stream");
    expect(await codeOf(stream.write(text("more")))).toBe("peer-closed-stream");
    stream.close();
    stream.destroy(new Error("too late"));
    hostEnd.stall(false);
    await client.openStream().write(text("other"));
    const frames = await host.framesWhen((all) => all.some(on(258)));
    const sent = frames.filter(on(256));
    expect(sent.every((frame) => (frame.flags & FLAG_LAST) === 0)).toBe(true);
    // Only the frames that the transport had already accepted were sent: far fewer than the 977 frames of a sector.
    expect(sent.length).toBeLessThan(100);
    client.close();
  });

  test("simultaneous LAST frames end the stream on both sides without another frame", async () => {
    const { client, host } = await joinMuxes();
    const accepted = nextStream(host);
    const ours = client.openStream();
    await ours.write(text("x"));
    const theirs = await accepted;
    ours.close();
    theirs.close();
    await Promise.all([ours.whenPeerCloses, theirs.whenPeerCloses]);
    const second = nextStream(host);
    const next = client.openStream();
    await next.write(text("alive"));
    expect(await (await second).readExactly(5)).toEqual(text("alive"));
    expect([client.openStreamCount, host.openStreamCount]).toEqual([1, 1]);
    client.close();
    host.close();
  });

  test("a pending close is dropped when the peer closes first", async () => {
    const { client, host, hostEnd } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(text("begin"));
    await host.framesWhen((frames) => frames.length === 1);
    hostEnd.stall(true);
    const writing = codeOf(stream.write(patternBytes(4_194_304)));
    stream.close();
    host.sendFrames([{ id: 256, flags: FLAG_LAST, payload: new Uint8Array() }]);
    expect(await writing).toBe("peer-closed-stream");
    hostEnd.stall(false);
    await client.openStream().write(text("other"));
    const frames = await host.framesWhen((all) => all.some(on(258)));
    expect(hasLast(256)(frames)).toBe(false);
    client.close();
  });
});
