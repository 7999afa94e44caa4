import fc from "fast-check";
import { expect, test } from "vitest";
import { FrameReader, type FrameSink } from "../../lib/siamux/frame-reader.ts";
import { concat, type ReferenceFrame, referenceFrames, referencePlainPackets } from "./reference.ts";

const PACKET_BYTES = 1220;
const MAX_PAYLOAD_BYTES = PACKET_BYTES - 24;

/** Reassembles frames from the reader's calls. */
class Collector implements FrameSink {
  readonly isClosed = false;
  readonly frames: ReferenceFrame[] = [];
  #header: { readonly id: number; readonly flags: number } | undefined;
  #parts: Uint8Array[] = [];

  frameBegins(id: number, flags: number): void {
    expect(this.#header).toBeUndefined();
    this.#header = { id, flags };
    this.#parts = [];
  }

  framePayload(memory: Buffer, start: number, end: number): void {
    expect(end).toBeGreaterThan(start);
    this.#parts.push(Uint8Array.from(memory.subarray(start, end)));
  }

  frameEnds(): void {
    const header = this.#header;
    if (header === undefined) throw new Error("a frame ended that had not begun");
    this.frames.push({ ...header, payload: concat(this.#parts) });
    this.#header = undefined;
  }
}

/** Reads a packet as it lies in memory: with other bytes before it, and with its tag and more bytes after it. */
function read(reader: FrameReader, packet: Uint8Array): void {
  const memory = Buffer.alloc(7 + PACKET_BYTES + 9, 0xff);
  memory.set(packet, 7);
  reader.readPacket(memory, 7, PACKET_BYTES);
}

const anyFrame = fc.record({
  id: fc.integer({ min: 0, max: 0x7fff_ffff }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    // Payloads of these lengths end near the end of a packet, so that the next header is split between two packets, at
    // any byte.
    fc
      .integer({ min: MAX_PAYLOAD_BYTES - 20, max: MAX_PAYLOAD_BYTES })
      .map((n) => new Uint8Array(n).fill(n & 0xff)),
  ),
});

test("the frame reader reads the reference's output in the same way as the reference", () => {
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
      for (const packet of packets) read(reader, packet);
      expect(collector.frames).toEqual(all.flatMap(({ frames }) => frames));
      expect(collector.frames).toEqual(referenceFrames(packets));
    }),
    { numRuns: 200 },
  );
});

test.each([1, 2, 3, 4, 5, 6, 7])(
  "the frame reader reads a header that is split between two packets after %i bytes",
  (headerBytes) => {
    const first = { id: 300, flags: 1, payload: new Uint8Array(PACKET_BYTES - 16 - 8 - headerBytes).fill(1) };
    const second = { id: 302, flags: 1, payload: new Uint8Array([1, 2, 3]) };
    const collector = new Collector();
    const reader = new FrameReader(collector, MAX_PAYLOAD_BYTES);
    for (const packet of referencePlainPackets([first, second], PACKET_BYTES)) read(reader, packet);
    expect(collector.frames).toEqual([first, second]);
  },
);

test("no frame is read once the sink has closed", () => {
  const seen: number[] = [];
  const sink = {
    isClosed: false,
    frameBegins(id: number) {
      seen.push(id);
      this.isClosed = id === 302;
    },
    framePayload() {},
    frameEnds() {},
  };
  const frames = [300, 302, 304].map((id) => ({ id, flags: 1, payload: new Uint8Array() }));
  const [packet] = referencePlainPackets(frames, PACKET_BYTES);
  read(new FrameReader(sink, MAX_PAYLOAD_BYTES), packet!);
  expect(seen).toEqual([300, 302]);
});
