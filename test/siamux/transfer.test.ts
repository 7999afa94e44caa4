import fc from "fast-check";
import { expect, test } from "vitest";
import type { MuxStream } from "../../lib/siamux/mux.ts";
import { FLAG_FIRST, FLAG_LAST } from "../../lib/siamux/wire-format.ts";
import { dialRawHost, joinMuxes, patternBytes } from "./join.ts";

const chunkSizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 51, max: 20_000 })), {
  minLength: 1,
  maxLength: 12,
});
const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 4200, max: 40_000 })), {
  minLength: 1,
  maxLength: 6,
});

async function echo(stream: MuxStream): Promise<void> {
  const prefix = Buffer.from(await stream.readExactly(4));
  const data = await stream.readExactly(prefix.readUInt32LE(0));
  await stream.write(data);
  stream.close();
}

/** Writes pieces of the given lengths and reads the echo in pieces of the same lengths, in reverse order. */
async function callEcho(stream: MuxStream, pieces: readonly number[], salt: number): Promise<void> {
  const total = pieces.reduce((sum, length) => sum + length, 0);
  const data = patternBytes(total, salt);
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(total, 0);
  const writing = (async () => {
    await stream.write(prefix);
    let at = 0;
    for (const length of pieces) {
      await stream.write(data.subarray(at, at + length));
      at += length;
    }
  })();
  const back: Uint8Array[] = [];
  for (const length of pieces.toReversed()) back.push(await stream.readExactly(length));
  await writing;
  expect(Buffer.concat(back).equals(data)).toBe(true);
  await stream.whenPeerCloses;
}

test("many simultaneous streams transfer their data correctly for any chunk sizes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(lengths, { minLength: 1, maxLength: 8 }),
      chunkSizes,
      async (streams, sizes) => {
        const { client, host } = await joinMuxes({ chunkSizes: sizes });
        host.onStream((stream) => void echo(stream));
        await Promise.all(streams.map((pieces, salt) => callEcho(client.openStream(), pieces, salt)));
        expect([client.openStreamCount, host.openStreamCount]).toEqual([0, 0]);
        client.close();
        host.close();
        await Promise.all([client.closed, host.closed]);
      },
    ),
    { numRuns: 25 },
  );
});

test("the reference reads the written frames: FIRST once, full frames, LAST at the end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(lengths, { minLength: 1, maxLength: 6 }),
      chunkSizes,
      async (streams, sizes) => {
        const { client, host } = await dialRawHost({}, sizes);
        const opened = streams.map(() => client.openStream());
        for (const [index, pieces] of streams.entries()) {
          for (const length of pieces) opened[index]!.write(patternBytes(length, index)).catch(() => {});
          opened[index]!.close();
        }
        const frames = await host.framesWhen(
          (all) => all.filter((frame) => frame.flags === FLAG_LAST).length === streams.length,
        );
        for (const [index, pieces] of streams.entries()) {
          const own = frames.filter((frame) => frame.id === opened[index]!.id);
          expect(own.map((frame) => frame.flags)).toEqual([
            FLAG_FIRST,
            ...own.slice(1, -1).map(() => 0),
            FLAG_LAST,
          ]);
          const expected = pieces.map((length) => Buffer.from(patternBytes(length, index)));
          expect(Buffer.concat(own.map((frame) => frame.payload)).equals(Buffer.concat(expected))).toBe(true);
          const fullFrames = pieces.reduce((sum, length) => sum + Math.ceil(length / 4296), 0);
          expect(own.length).toBe(fullFrames + 1);
        }
        client.close();
      },
    ),
    { numRuns: 25 },
  );
});

test("a sector is 977 frames, all but the last one full, in as many packets as they need", async () => {
  const { client, host, clientEnd } = await dialRawHost();
  const stream = client.openStream();
  const handshakeBytes = clientEnd.writtenBytes.length;
  await stream.write(patternBytes(4_194_304));
  const frames = await host.framesWhen((all) => all.length === 977);
  expect(frames.slice(0, -1).every((frame) => frame.payload.length === 4296)).toBe(true);
  expect(clientEnd.writtenBytes.length - handshakeBytes).toBe(977 * 4320);
  client.close();
});

test("three hundred simultaneous streams transfer their data correctly", async () => {
  const { client, host } = await joinMuxes({ chunkSizes: [4000, 70_000, 13] });
  host.onStream((stream) => void echo(stream));
  const calls = Array.from({ length: 300 }, (_, salt) =>
    callEcho(client.openStream(), [1 + salt * 40], salt),
  );
  await Promise.all(calls);
  client.close();
  host.close();
});
