import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MuxClosedError } from "../../lib/siamux/siamux-error.ts";
import { FLAG_ERROR, FLAG_FIRST, FLAG_LAST } from "../../lib/siamux/wire-format.ts";
import { acceptRawDialer, codeOf, dialRawHost, joinMuxes, nextStream, patternBytes } from "./join.ts";
import { type ReferenceFrame, referenceFrameBytes, referencePlainPackets } from "./reference.ts";

const nothing = new Uint8Array();
const frame = (id: number, flags = 0, payload: Uint8Array = nothing): ReferenceFrame => ({
  id,
  flags,
  payload,
});

/** A packet whose first frame header claims a length that its frame does not have. */
function packetClaiming(id: number, flags: number, payloadBytes: number): Uint8Array {
  const packet = new Uint8Array(4304);
  packet.set(referenceFrameBytes(frame(id, flags)));
  new DataView(packet.buffer).setUint16(4, payloadBytes, true);
  return packet;
}

describe("violations that end the connection", () => {
  test.each([4297, 4312, 65_535])(
    "a frame that claims %i bytes of payload ends the connection",
    async (payloadBytes) => {
      const { host, dialer } = await acceptRawDialer();
      dialer.sendPlain(packetClaiming(256, FLAG_FIRST, payloadBytes));
      expect(await host.closed).toMatchObject({ code: "oversized-frame", details: { payloadBytes } });
    },
  );

  test("the limit on a frame's payload shrinks with the packet size", async () => {
    const { host, dialer } = await acceptRawDialer({ packetSizeBytes: 1220 });
    dialer.sendRaw(dialer.seal(packetClaiming(256, FLAG_FIRST, 1197).subarray(0, 1204)));
    expect((await host.closed).code).toBe("oversized-frame");
  });

  test.each([1, 2, 255])("a frame with the reserved stream id %i ends the connection", async (id) => {
    const { host, dialer } = await acceptRawDialer();
    dialer.sendFrames([frame(id, FLAG_FIRST)]);
    expect((await host.closed).code).toBe("reserved-stream-id");
  });

  test("a peer that opens a stream with an id reserved for our side ends the connection", async () => {
    const { host, dialer } = await acceptRawDialer();
    dialer.sendFrames([frame(257, FLAG_FIRST)]);
    expect((await host.closed).code).toBe("foreign-stream-id");
  });

  test.each([0, FLAG_LAST, FLAG_LAST | FLAG_ERROR])(
    "flags %i on an unopened stream end the connection",
    async (flags) => {
      const { host, dialer } = await acceptRawDialer();
      dialer.sendFrames([frame(256, flags)]);
      expect((await host.closed).code).toBe("unknown-stream");
    },
  );

  test("a frame on a stream that the peer itself has closed ends the connection", async () => {
    const { host, dialer } = await acceptRawDialer();
    dialer.sendFrames([frame(256, FLAG_FIRST), frame(256, FLAG_LAST), frame(256)]);
    expect((await host.closed).code).toBe("unknown-stream");
  });

  test("a frame on a stream that both sides have closed ends the connection", async () => {
    const { client, host } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(Uint8Array.of(1));
    stream.close();
    host.sendFrames([frame(256), frame(256, FLAG_LAST), frame(256)]);
    expect((await client.closed).code).toBe("unknown-stream");
  });

  test("the 1000th stray frame on a stream that we closed ends the connection, the 999th does not", async () => {
    const { client, host } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(Uint8Array.of(1));
    stream.close();
    await host.framesWhen((frames) => frames.length === 2);
    const other = client.openStream();
    await other.write(Uint8Array.of(2));
    host.sendFrames(Array.from({ length: 999 }, () => frame(256, 0, Uint8Array.of(3))));
    host.sendFrames([frame(258, 0, Uint8Array.of(4))]);
    expect(await other.readExactly(1)).toEqual(Uint8Array.of(4));
    host.sendFrames([frame(256)]);
    expect(await client.closed).toMatchObject({ code: "stream-flood", details: { streamId: 256 } });
  });

  test("the rest of a cancelled sector is tolerated: 977 full frames", async () => {
    const { client, host } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(Uint8Array.of(1));
    stream.destroy(new Error("another host was faster"));
    const payload = patternBytes(4296);
    host.sendFrames(Array.from({ length: 977 }, () => frame(256, 0, payload)));
    host.sendFrames([frame(256, FLAG_LAST)]);
    const next = client.openStream();
    await next.write(Uint8Array.of(2));
    host.sendFrames([frame(258, 0, Uint8Array.of(5))]);
    expect(await next.readExactly(1)).toEqual(Uint8Array.of(5));
    client.close();
  });

  test.each([1220, 2880, 4200])(
    "with packets of %i bytes the rest of a cancelled sector is also tolerated",
    async (packetSizeBytes) => {
      const { client, host } = await joinMuxes({ client: { packetSizeBytes } });
      const sector = patternBytes(4_194_304);
      host.onStream(async (stream) => {
        const [wanted] = await stream.readExactly(1);
        await stream.write(wanted === 1 ? sector : Uint8Array.of(7)).catch(() => {});
      });
      const [given, beside] = [client.openStream(), client.openStream()];
      await given.write(Uint8Array.of(1));
      await given.readExactly(100);
      given.destroy(new Error("another host was faster"));
      await beside.write(Uint8Array.of(2));
      expect(await beside.readExactly(1)).toEqual(Uint8Array.of(7));
      // This answer arrives after all data that the host sent before it learned of the stream's end.
      const after = client.openStream();
      await after.write(Uint8Array.of(2));
      expect(await after.readExactly(1)).toEqual(Uint8Array.of(7));
      expect(client.isClosed).toBe(false);
      client.close();
      host.close();
    },
  );

  test("with packets of 1220 bytes the 3563rd stray frame is a flood", async () => {
    const { host, dialer } = await acceptRawDialer({ packetSizeBytes: 1220 });
    const accepted = nextStream(host);
    const send = (frames: readonly ReferenceFrame[]) => {
      for (const plain of referencePlainPackets(frames, 1220)) dialer.sendRaw(dialer.seal(plain));
    };
    send([frame(256, FLAG_FIRST)]);
    (await accepted).close();
    send(Array.from({ length: 3_562 }, () => frame(256)));
    send([frame(258, FLAG_FIRST)]);
    expect((await nextStream(host)).id).toBe(258);
    send([frame(256)]);
    expect(await host.closed).toMatchObject({ code: "stream-flood", details: { streamId: 256 } });
  });

  test("we end the connection when the peer opens one stream more than we allow", async () => {
    const { host, dialer } = await acceptRawDialer({ maxPeerStreams: 3 });
    const accepted: number[] = [];
    host.onStream((stream) => accepted.push(stream.id));
    dialer.sendFrames([256, 258, 260].map((id) => frame(id, FLAG_FIRST)));
    // After one stream has closed, the peer may open another.
    dialer.sendFrames([frame(258, FLAG_LAST), frame(262, FLAG_FIRST)]);
    dialer.sendFrames([frame(264, FLAG_FIRST)]);
    expect(await host.closed).toMatchObject({ code: "too-many-streams", details: { limit: 3 } });
    expect(accepted).toEqual([256, 258, 260, 262]);
  });

  test("streams that no handler has taken count towards the limit even after the peer has closed them", async () => {
    const { host, dialer } = await acceptRawDialer({ maxPeerStreams: 3 });
    for (const id of [256, 258, 260, 262]) dialer.sendFrames([frame(id, FLAG_FIRST), frame(id, FLAG_LAST)]);
    expect((await host.closed).code).toBe("too-many-streams");
  });

  test("by default, we end the connection when a host opens a stream", async () => {
    const { client, host } = await dialRawHost();
    host.sendFrames([frame(257, FLAG_FIRST)]);
    expect((await client.closed).code).toBe("too-many-streams");
  });

  test.each([0, 1, 4303, 4304, 4319])(
    "a packet whose byte %i was changed ends the connection",
    async (position) => {
      const { host, dialer } = await acceptRawDialer();
      const accepted: number[] = [];
      host.onStream((stream) => accepted.push(stream.id));
      const packet = new Uint8Array(4304);
      packet.set(referenceFrameBytes(frame(256, FLAG_FIRST, Uint8Array.of(1))));
      const sealed = dialer.seal(packet);
      sealed[position]! ^= 1;
      dialer.sendRaw(sealed);
      expect((await host.closed).code).toBe("bad-packet");
      expect(accepted).toEqual([]);
    },
  );

  test("a packet that is sent twice ends the connection", async () => {
    const { host, dialer } = await acceptRawDialer();
    const packet = new Uint8Array(4304);
    packet.set(referenceFrameBytes(frame(256, FLAG_FIRST)));
    const sealed = dialer.seal(packet);
    dialer.sendRaw(sealed);
    dialer.sendRaw(sealed);
    expect((await host.closed).code).toBe("bad-packet");
  });

  test.each([1, 4319])(
    "a transport that ends after %i bytes of a packet is a lost connection",
    async (bytes) => {
      const { host, dialer, dialerEnd } = await acceptRawDialer();
      dialer.sendRaw(dialer.seal(new Uint8Array(4304)).subarray(0, bytes));
      dialerEnd.end();
      expect((await host.closed).code).toBe("truncated-packet");
    },
  );

  test("when a violation ends the connection, every stream fails with the connection's reason", async () => {
    const { client, host } = await dialRawHost();
    const stream = client.openStream();
    await stream.write(Uint8Array.of(1));
    const reading = stream.readExactly(1);
    host.sendFrames([frame(9)]);
    const reason = await client.closed;
    await expect(reading).rejects.toBe(reason);
    await expect(stream.write(Uint8Array.of(2))).rejects.toBe(reason);
    await expect(client.openStream().write(Uint8Array.of(3))).rejects.toBe(reason);
    await stream.whenPeerCloses;
    expect(client.openStreamCount).toBe(0);
  });
});

describe("violations that end one stream", () => {
  test("a stream that exceeds its buffer ends, its later frames are dropped, and other streams continue", async () => {
    const { client, host } = await dialRawHost({ maxBufferedBytes: 10_000 });
    const [flooded, other] = [client.openStream(), client.openStream()];
    await Promise.all([flooded.write(Uint8Array.of(1)), other.write(Uint8Array.of(2))]);
    for (let i = 0; i < 5; i++)
      host.sendFrames([frame(256, 0, patternBytes(4000)), frame(258, 0, Uint8Array.of(i))]);
    expect(await other.readExactly(5)).toEqual(Uint8Array.of(0, 1, 2, 3, 4));
    expect(await codeOf(flooded.readExactly(1))).toBe("stream-overflow");
    expect(await codeOf(flooded.write(Uint8Array.of(1)))).toBe("stream-overflow");
    const frames = await host.framesWhen((all) => all.some((sent) => sent.flags === FLAG_LAST));
    expect(frames.filter((sent) => sent.flags === FLAG_LAST).map((sent) => sent.id)).toEqual([256]);
    expect(client.isClosed).toBe(false);
    client.close();
  });

  test("a stream buffers exactly up to its limit, and bytes that a waiting read takes do not count", async () => {
    const { client, host } = await dialRawHost({ maxBufferedBytes: 10_000 });
    const [stream, marker] = [client.openStream(), client.openStream()];
    await Promise.all([stream.write(Uint8Array.of(1)), marker.write(Uint8Array.of(2))]);
    const data = patternBytes(50_000);
    const waiting = stream.readExactly(40_000);
    for (let at = 0; at < data.length; at += 4000)
      host.sendFrames([frame(256, 0, data.subarray(at, at + 4000))]);
    host.sendFrames([frame(258, 0, Uint8Array.of(3))]);
    await marker.readExactly(1);
    expect(Buffer.concat([await waiting, await stream.readExactly(10_000)]).equals(data)).toBe(true);
    client.close();
  });
});

describe("oddities that are tolerated", () => {
  test("keepalives with a payload, padding alone, covert data, empty frames and unknown flags are tolerated", async () => {
    const { host, dialer } = await acceptRawDialer();
    const accepted = nextStream(host);
    dialer.sendFrames([frame(0), frame(0, FLAG_LAST, patternBytes(30))]);
    dialer.sendPlain(new Uint8Array(4304));
    dialer.sendFrames([frame(256, FLAG_FIRST | 0xfff8, Uint8Array.of(1))], "covert");
    dialer.sendFrames([frame(256), frame(256, 0, Uint8Array.of(2))], "covert");
    const stream = await accepted;
    expect(await stream.readExactly(2)).toEqual(Uint8Array.of(1, 2));
    host.close();
  });

  test("a second FIRST on an open stream is tolerated", async () => {
    const { host, dialer } = await acceptRawDialer();
    const accepted = nextStream(host);
    dialer.sendFrames([frame(256, FLAG_FIRST, Uint8Array.of(1)), frame(256, FLAG_FIRST, Uint8Array.of(2))]);
    expect(await (await accepted).readExactly(2)).toEqual(Uint8Array.of(1, 2));
    host.close();
  });

  test("a payload on LAST is tolerated and ignored", async () => {
    const { host, dialer } = await acceptRawDialer();
    const accepted = nextStream(host);
    dialer.sendFrames([frame(256, FLAG_FIRST, Uint8Array.of(1)), frame(256, FLAG_LAST, Uint8Array.of(2))]);
    const stream = await accepted;
    expect(await codeOf(stream.readExactly(2))).toBe("stream-ended");
    host.close();
  });
});

test("for any data of a peer with the right key the connection continues or ends with a typed reason", async () => {
  const plausible = fc.record({
    id: fc.constantFrom(0, 1, 255, 256, 256, 256, 257, 258, 0x7fff_ffff),
    flags: fc.constantFrom(0, 0, FLAG_FIRST, FLAG_FIRST, FLAG_LAST, FLAG_LAST | FLAG_ERROR, 0xffff),
    payload: fc.uint8Array({ maxLength: 40 }),
  });
  const garbage = fc.uint8Array({ minLength: 4304, maxLength: 4304 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(plausible, plausible, plausible, garbage), { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 }),
      async (sent, chunkSizes) => {
        const { host, dialer, dialerEnd } = await acceptRawDialer({ maxBufferedBytes: 100 }, chunkSizes);
        host.onStream((stream) => void codeOf(stream.readExactly(3)));
        for (const item of sent) {
          if (item instanceof Uint8Array) dialer.sendPlain(item);
          else dialer.sendFrames([item]);
        }
        dialerEnd.end();
        const reason = await host.closed;
        expect(reason).toBeInstanceOf(MuxClosedError);
        expect(host.openStreamCount).toBe(0);
      },
    ),
    { numRuns: 150 },
  );
});
