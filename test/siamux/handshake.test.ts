import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergeSettings } from "../../lib/siamux/connection-settings.ts";
import { acceptMux, dialMux } from "../../lib/siamux/establish-mux.ts";
import type { MuxOptions } from "../../lib/siamux/mux.ts";
import { HandshakeError } from "../../lib/siamux/siamux-error.ts";
import { parseHostKey } from "../../lib/slab/ids.ts";
import { FakeClock } from "./fake-clock.ts";
import { codeOf, HOST_KEY, HOST_SEED, hostIdentity, nextStream } from "./join.ts";
import { type MemoryEnd, memoryPair } from "./memory-pair.ts";
import { type RawHandshake, RawPeer } from "./raw-peer.ts";

/** Public keys that make every secret zero (RFC 7748 section 6.1 and the points of order 8). */
const LOW_ORDER_POINTS = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

async function dialRaw(how: RawHandshake, options: MuxOptions = {}) {
  const [clientEnd, hostEnd] = memoryPair();
  const host = new RawPeer(hostEnd, "acceptor");
  host.accept(HOST_SEED, how).catch(() => {});
  const outcome = await codeOf(dialMux(clientEnd, HOST_KEY, options).then((mux) => mux.close()));
  return { outcome, clientEnd, host };
}

async function acceptRaw(how: Parameters<RawPeer["dial"]>[0], options: MuxOptions = {}) {
  const [dialerEnd, hostEnd] = memoryPair();
  const dialer = new RawPeer(dialerEnd, "dialer");
  dialer.dial(how).catch(() => {});
  const outcome = await codeOf(acceptMux(hostEnd, hostIdentity(), options).then((mux) => mux.close()));
  return { outcome, hostEnd, dialer };
}

/** Checks that no listener of ours is left on a transport after a failed handshake. */
function expectAbandoned(end: MemoryEnd): void {
  expect(end.destroyed).toBe(true);
  for (const event of ["readable", "data", "end"]) expect(end.listenerCount(event)).toBe(0);
}

describe("versions", () => {
  test.each([0, 1, 2])("a dialer refuses a host of version %i", async (version) => {
    const { outcome, clientEnd } = await dialRaw({ version });
    expect(outcome).toBe("unsupported-version");
    expectAbandoned(clientEnd);
  });

  test.each([0, 1, 2])(
    "an acceptor sends its version and refuses a dialer of version %i",
    async (version) => {
      const { outcome, hostEnd } = await acceptRaw({ version });
      expect(outcome).toBe("unsupported-version");
      expect([...hostEnd.writtenBytes]).toEqual([3]);
      expectAbandoned(hostEnd);
    },
  );

  test.each([3, 4, 255])("a peer of version %i is accepted like one of version 3", async (version) => {
    expect((await dialRaw({ version })).outcome).toBe("fulfilled");
    expect((await acceptRaw({ version })).outcome).toBe("fulfilled");
  });
});

describe("keys", () => {
  test("a host with another identity is refused", async () => {
    const [clientEnd, hostEnd] = memoryPair();
    new RawPeer(hostEnd, "acceptor").accept(new Uint8Array(32).fill(0x23)).catch(() => {});
    expect(await codeOf(dialMux(clientEnd, HOST_KEY))).toBe("bad-signature");
    expectAbandoned(clientEnd);
  });

  test("a signature of zeros is refused", async () => {
    expect((await dialRaw({ signature: new Uint8Array(64) })).outcome).toBe("bad-signature");
  });

  test("a host key that is not a point on the curve verifies no signature", async () => {
    const [clientEnd, hostEnd] = memoryPair();
    new RawPeer(hostEnd, "acceptor").accept(HOST_SEED).catch(() => {});
    expect(await codeOf(dialMux(clientEnd, parseHostKey(`02${"00".repeat(31)}`)))).toBe("bad-signature");
  });

  test.each(LOW_ORDER_POINTS)("low-order point %s is refused by both sides", async (pointHex) => {
    const publicKey = Uint8Array.from(Buffer.from(pointHex, "hex"));
    // The raw peer would have to derive a secret from the bad point, and cannot, so the test itself writes the peer's
    // bytes.
    const [dialerEnd, hostEnd] = memoryPair();
    const accepting = codeOf(acceptMux(hostEnd, hostIdentity()));
    dialerEnd.write(Buffer.concat([Uint8Array.of(3), publicKey]));
    expect(await accepting).toBe("low-order-point");

    expect((await dialRaw({ publicKey })).outcome).toBe("low-order-point");
  });
});

describe("settings", () => {
  const ours = { packetSizeBytes: 4320, maxTimeoutMs: 1_200_000 };

  test.each([
    [ours, ours],
    [
      { packetSizeBytes: 1220, maxTimeoutMs: 120_000 },
      { packetSizeBytes: 1220, maxTimeoutMs: 120_000 },
    ],
    [{ packetSizeBytes: 0xffff_ffff, maxTimeoutMs: 0xffff_ffff }, ours],
    [
      { packetSizeBytes: 2000, maxTimeoutMs: 7_200_000 },
      { packetSizeBytes: 2000, maxTimeoutMs: 1_200_000 },
    ],
  ])("with the peer's %o both sides use %o", (theirs, merged) => {
    expect(mergeSettings(ours, theirs)).toEqual(merged);
    expect(mergeSettings(theirs, ours)).toEqual(merged);
  });

  test.each([
    { packetSizeBytes: 1219, maxTimeoutMs: 1_200_000 },
    { packetSizeBytes: 0, maxTimeoutMs: 1_200_000 },
    { packetSizeBytes: 4320, maxTimeoutMs: 119_999 },
    { packetSizeBytes: 4320, maxTimeoutMs: 0 },
  ])("%o is refused by both sides", async (theirs) => {
    expect((await dialRaw(theirs)).outcome).toBe("unacceptable-settings");
    expect((await acceptRaw(theirs)).outcome).toBe("unacceptable-settings");
  });

  test.each([
    { packetSizeBytes: 32_769, maxTimeoutMs: 1_200_000 },
    { packetSizeBytes: 4320, maxTimeoutMs: 7_200_001 },
  ])("%o is refused when both sides ask for it", (both) => {
    expect(() => mergeSettings(both, both)).toThrow(HandshakeError);
  });

  test("settings that cannot be decrypted are refused by both sides", async () => {
    const sealedSettings = new Uint8Array(24).fill(9);
    expect((await dialRaw({ sealedSettings })).outcome).toBe("undecryptable-settings");
    expect((await acceptRaw({ sealedSettings })).outcome).toBe("undecryptable-settings");
  });

  test("a connection works with the smallest packets", async () => {
    const [clientEnd, hostEnd] = memoryPair([1000]);
    const [client, host] = await Promise.all([
      dialMux(clientEnd, HOST_KEY, { packetSizeBytes: 1220 }),
      acceptMux(hostEnd, hostIdentity()),
    ]);
    const accepted = nextStream(host);
    const sent = client.openStream().write(new Uint8Array(10_000).fill(7));
    expect(await (await accepted).readExactly(10_000)).toEqual(new Uint8Array(10_000).fill(7));
    await sent;
    // 10,000 bytes need 9 frames of at most 1196 bytes; with headers these are 10,072 bytes, in 9 packets of 1204.
    expect(clientEnd.writtenBytes.length).toBe(33 + 24 + 9 * 1220);
    client.close();
    host.close();
  });
});

describe("how a connection comes about", () => {
  test.each([true, false])(
    "an acceptor accepts version and key, whether sent together or apart (together: %s)",
    async (pipelined) => {
      expect((await acceptRaw({ pipelined })).outcome).toBe("fulfilled");
    },
  );

  test("a handshake that arrives one byte at a time succeeds", async () => {
    const [clientEnd, hostEnd] = memoryPair([1]);
    const [client, host] = await Promise.all([
      dialMux(clientEnd, HOST_KEY),
      acceptMux(hostEnd, hostIdentity()),
    ]);
    expect([client.isClosed, host.isClosed]).toEqual([false, false]);
    client.close();
    host.close();
  });

  test("if the connection ends after any part of the reply, the dialer reports a lost connection", async () => {
    for (const stopAfterBytes of [0, 1, 31, 32, 95, 96, 119]) {
      const [clientEnd, hostEnd] = memoryPair();
      const host = new RawPeer(hostEnd, "acceptor");
      const dialling = codeOf(dialMux(clientEnd, HOST_KEY));
      await host.accept(HOST_SEED, { stopAfterBytes });
      hostEnd.end();
      expect(await dialling).toBe("handshake-connection-lost");
      expectAbandoned(clientEnd);
    }
  });

  test("a failing transport is reported with its cause", async () => {
    const [clientEnd] = memoryPair();
    const dialling = dialMux(clientEnd, HOST_KEY);
    const cause = new Error("reset");
    clientEnd.destroy(cause);
    await expect(dialling).rejects.toMatchObject({ code: "handshake-connection-lost", cause });
  });

  test("a transport that has already closed is reported at once", async () => {
    const [clientEnd] = memoryPair();
    clientEnd.destroy();
    expect(await codeOf(dialMux(clientEnd, HOST_KEY))).toBe("handshake-connection-lost");
  });

  test("both sides give up a silent peer after the time limit", async () => {
    for (const establish of [
      (end: MemoryEnd, clock: FakeClock) => dialMux(end, HOST_KEY, { clock, handshakeTimeoutMs: 700 }),
      (end: MemoryEnd, clock: FakeClock) =>
        acceptMux(end, hostIdentity(), { clock, handshakeTimeoutMs: 700 }),
    ]) {
      const clock = new FakeClock();
      const [end] = memoryPair();
      const outcome = codeOf(establish(end, clock));
      clock.advance(699);
      expect(end.destroyed).toBe(false);
      clock.advance(1);
      expect(await outcome).toBe("handshake-timed-out");
      expect(clock.pendingTimers).toBe(0);
      expectAbandoned(end);
    }
  });

  test("an abort before or during the handshake ends the handshake", async () => {
    const [clientEnd] = memoryPair();
    const controller = new AbortController();
    const outcome = codeOf(dialMux(clientEnd, HOST_KEY, { signal: controller.signal }));
    controller.abort();
    expect(await outcome).toBe("handshake-aborted");
    expectAbandoned(clientEnd);

    const [lateEnd] = memoryPair();
    expect(await codeOf(dialMux(lateEnd, HOST_KEY, { signal: controller.signal }))).toBe("handshake-aborted");
    expect(lateEnd.written).toEqual([]);
    expectAbandoned(lateEnd);
  });

  test("an abort after the handshake changes nothing", async () => {
    const [clientEnd, hostEnd] = memoryPair();
    const controller = new AbortController();
    const clock = new FakeClock();
    const [client, host] = await Promise.all([
      dialMux(clientEnd, HOST_KEY, { signal: controller.signal, clock }),
      acceptMux(hostEnd, hostIdentity()),
    ]);
    controller.abort();
    clock.advance(10_000);
    expect(client.isClosed).toBe(false);
    client.close();
    host.close();
  });

  test("when a host answers with random bytes, the dialer ends with a handshake error", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const [clientEnd, hostEnd] = memoryPair([7]);
        const dialling = dialMux(clientEnd, HOST_KEY);
        hostEnd.resume();
        hostEnd.end(bytes);
        await expect(dialling).rejects.toBeInstanceOf(HandshakeError);
        expect(clientEnd.destroyed).toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
