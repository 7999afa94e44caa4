import fc from "fast-check";
import { expect, test } from "vitest";
import type { FrameHeader } from "../../lib/siamux/frame.ts";
import { FrameReader, type FrameSink } from "../../lib/siamux/frame-reader.ts";
import { concat, type ReferenceFrame, referenceFrames, referencePlainPackets } from "./reference.ts";

const PACKET_BYTES = 1220;
const MAX_PAYLOAD_BYTES = PACKET_BYTES - 24;

/** Puts frames together again from what the reader reports. */
class Collector implements FrameSink {
  readonly isClosed = false;
  readonly frames: ReferenceFrame[] = [];
  #header: FrameHeader | undefined;
  #parts: Uint8Array[] = [];

  frameBegins(header: FrameHeader): void {
    expect(this.#header).toBeUndefined();
    this.#header = header;
    this.#parts = [];
  }

  framePayload(part: Buffer): void {
    expect(part.length).toBeGreaterThan(0);
    this.#parts.push(Uint8Array.from(part));
  }

  frameEnds(): void {
    const header = this.#header;
    if (header === undefined) throw new Error("a frame ended that had not begun");
    const payload = concat(this.#parts);
    expect(payload.length).toBe(header.payloadBytes);
    this.frames.push({ id: header.id, flags: header.flags, payload });
    this.#header = undefined;
  }
}

const anyFrame = fc.record({
  id: fc.integer({ min: 0, max: 0x7fff_ffff }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    // Lengths around the end of a packet, so that headers straddle at every byte.
    fc
      .integer({ min: MAX_PAYLOAD_BYTES - 20, max: MAX_PAYLOAD_BYTES })
      .map((n) => new Uint8Array(n).fill(n & 0xff)),
  ),
});

test("reads what the reference writes, and as the reference reads it", () => {
  const flushes = fc.array(
    fc.record({
      frames: fc.array(anyFrame, { minLength: 1, maxLength: 8 }),
      filler: fc.constantFrom("zeros" as const, "covert" as const),
    }),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(flushes, (all) => {
      const packets = all.flatMap(({ frames, filler }) =>
        referencePlainPackets(frames, PACKET_BYTES, filler),
      );
      const collector = new Collector();
      const reader = new FrameReader(collector, MAX_PAYLOAD_BYTES);
      for (const packet of packets) reader.readPacket(Buffer.from(packet));
      expect(collector.frames).toEqual(all.flatMap(({ frames }) => frames));
      expect(collector.frames).toEqual(referenceFrames(packets));
    }),
    { numRuns: 200 },
  );
});

test.each([1, 2, 3, 4, 5, 6, 7])("a header that straddles two packets after %i bytes", (headerBytes) => {
  const first = { id: 300, flags: 1, payload: new Uint8Array(PACKET_BYTES - 16 - 8 - headerBytes).fill(1) };
  const second = { id: 302, flags: 1, payload: new Uint8Array([1, 2, 3]) };
  const collector = new Collector();
  const reader = new FrameReader(collector, MAX_PAYLOAD_BYTES);
  for (const packet of referencePlainPackets([first, second], PACKET_BYTES))
    reader.readPacket(Buffer.from(packet));
  expect(collector.frames).toEqual([first, second]);
});

test("nothing is read any more once the sink has closed", () => {
  const seen: number[] = [];
  const sink = {
    isClosed: false,
    frameBegins(header: FrameHeader) {
      seen.push(header.id);
      this.isClosed = header.id === 302;
    },
    framePayload() {},
    frameEnds() {},
  };
  const frames = [300, 302, 304].map((id) => ({ id, flags: 1, payload: new Uint8Array() }));
  const [packet] = referencePlainPackets(frames, PACKET_BYTES);
  new FrameReader(sink, MAX_PAYLOAD_BYTES).readPacket(Buffer.from(packet!));
  expect(seen).toEqual([300, 302]);
});
