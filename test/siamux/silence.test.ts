import { expect, test } from "vitest";
import { FakeClock } from "./fake-clock.ts";
import { codeOf, dialRawHost, patternBytes } from "./join.ts";

const MAX_SILENCE_MS = 15_000;
const TICK_MS = MAX_SILENCE_MS / 3;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function connection() {
  const clock = new FakeClock();
  const joined = await dialRawHost({ clock, maxSilenceMs: MAX_SILENCE_MS });
  return { ...joined, clock };
}

test("a read on a silent connection fails after 15 s together with the connection", async () => {
  const { client, clock } = await connection();
  const stream = client.openStream();
  await stream.write(Uint8Array.of(1));
  const reading = codeOf(stream.readExactly(1));
  clock.advance(MAX_SILENCE_MS - 1);
  expect(client.isClosed).toBe(false);
  clock.advance(1);
  expect(await reading).toBe("silent");
  expect((await client.closed).code).toBe("silent");
  expect(clock.pendingTimers).toBe(0);
});

test("a connection that falls silent during a transfer is given up 15 to 20 s after its last byte", async () => {
  const { client, host, clock } = await connection();
  const stream = client.openStream();
  await stream.write(Uint8Array.of(1));
  const reading = codeOf(stream.readExactly(3));
  for (let byte = 0; byte < 2; byte++) {
    clock.advance(TICK_MS - 1);
    host.sendFrames([{ id: 256, flags: 0, payload: Uint8Array.of(byte) }]);
    await turn();
    await turn();
    clock.advance(1);
  }
  clock.advance(2 * TICK_MS);
  expect(client.isClosed).toBe(false);
  clock.advance(TICK_MS);
  expect(await reading).toBe("silent");
});

test("a write to a permanently full transport is given up", async () => {
  const { client, hostEnd, clock } = await connection();
  hostEnd.stall(true);
  const writing = codeOf(client.openStream().write(patternBytes(1_000_000)));
  await turn();
  clock.advance(MAX_SILENCE_MS);
  expect(await writing).toBe("silent");
});

test("a slow write that makes progress is never given up", async () => {
  const { client, host, hostEnd, clock } = await connection();
  hostEnd.stall(true);
  const stream = client.openStream();
  let isWritten = false;
  const writing = stream.write(patternBytes(1_000_000)).then(() => {
    isWritten = true;
  });
  for (let step = 0; step < 1_000 && !isWritten; step++) {
    clock.advance(TICK_MS - 1);
    hostEnd.stall(false);
    await turn();
    hostEnd.stall(true);
    clock.advance(1);
  }
  await writing;
  expect(clock.now()).toBeGreaterThan(MAX_SILENCE_MS);
  hostEnd.stall(false);
  await host.framesWhen((frames) => frames.length === 233);
  expect(client.isClosed).toBe(false);
  client.close();
});

test("while no stream waits, silence is ignored, and no timer watches for silence", async () => {
  const { client, host, clock } = await connection();
  const stream = client.openStream();
  await stream.write(Uint8Array.of(1));
  clock.advance(TICK_MS);
  // Nobody reads, so no timer watches for silence: the only timer is the keepalive's.
  expect(clock.pendingTimers).toBe(1);
  clock.advance(60_000);
  const reading = stream.readExactly(1);
  clock.advance(MAX_SILENCE_MS - 1);
  host.sendFrames([{ id: 256, flags: 0, payload: Uint8Array.of(9) }]);
  expect(await reading).toEqual(Uint8Array.of(9));
  expect(client.isClosed).toBe(false);
  client.close();
});

test("without a limit on silence, a read still waits after two minutes of silence", async () => {
  const clock = new FakeClock();
  const { client, host } = await dialRawHost({ clock });
  const stream = client.openStream();
  await stream.write(Uint8Array.of(1));
  const reading = stream.readExactly(1);
  clock.advance(120_000);
  host.sendFrames([{ id: 256, flags: 0, payload: Uint8Array.of(9) }]);
  expect(await reading).toEqual(Uint8Array.of(9));
  client.close();
});
