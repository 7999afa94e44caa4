import { expect, test } from "vitest";
import { LeaseLost, startHeartbeat } from "../../../lib/jobs/repair/heartbeat.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

function start(extend: () => Promise<boolean>) {
  const clock = createFakeClock();
  const failures: unknown[] = [];
  const heartbeat = startHeartbeat({
    clock,
    everyMs: 30_000,
    leaseMs: 120_000,
    extend,
    onFailure: (cause) => failures.push(cause),
  });
  return { clock, failures, heartbeat };
}

test("the heartbeat extends the lease for as long as the repair lasts, and leaves no timer", async () => {
  let beats = 0;
  const { clock, heartbeat } = start(async () => {
    beats += 1;
    return true;
  });
  await clock.advance(10 * 60_000);
  expect(beats).toBe(20);
  expect(heartbeat.signal.aborted).toBe(false);
  await heartbeat.stop();
  expect(clock.pending).toBe(0);
});

test("a lost lease ends the repair at once", async () => {
  const { clock, heartbeat } = start(async () => false);
  await clock.advance(30_000);
  expect(heartbeat.signal.reason).toBeInstanceOf(LeaseLost);
  await heartbeat.stop();
  expect(clock.pending).toBe(0);
});

test("the heartbeat retries an unreachable database until the lease ends", async () => {
  const { clock, failures, heartbeat } = start(async () => {
    throw new Error("away");
  });
  await clock.advance(90_000);
  expect(failures).toHaveLength(3);
  expect(heartbeat.signal.aborted).toBe(false);
  await clock.advance(30_000);
  expect(heartbeat.signal.aborted).toBe(true);
  await heartbeat.stop();
  expect(clock.pending).toBe(0);
});

test("if the database does not answer an extension, the repair ends when the lease ends", async () => {
  const { clock, heartbeat } = start(() => new Promise(() => {}));
  await clock.advance(119_999);
  expect(heartbeat.signal.aborted).toBe(false);
  const stopped = heartbeat.stop();
  await clock.advance(1);
  expect(heartbeat.signal.reason).toBeInstanceOf(LeaseLost);
  await stopped;
  expect(clock.pending).toBe(0);
});

test("a process that slept past its lease does not extend it", async () => {
  let beats = 0;
  const { clock, heartbeat } = start(async () => {
    beats += 1;
    return true;
  });
  // When a stopped process continues, all timers that are overdue fire at once.
  clock.skip(300_000);
  await clock.advance(0);
  expect(beats).toBe(0);
  expect(heartbeat.signal.reason).toBeInstanceOf(LeaseLost);
  await heartbeat.stop();
});

test("two requests for an early heartbeat cause one heartbeat, and later heartbeats keep their interval", async () => {
  let beats = 0;
  const { clock, heartbeat } = start(async () => {
    beats += 1;
    return true;
  });
  await clock.advance(10_000);
  heartbeat.beatWithin(5_000);
  await clock.advance(2_000);
  // The second request does not delay the heartbeat that the first one has requested.
  heartbeat.beatWithin(5_000);
  await clock.advance(3_000);
  expect(beats).toBe(1);
  await clock.advance(29_999);
  expect(beats).toBe(1);
  await clock.advance(1);
  expect(beats).toBe(2);
  await heartbeat.stop();
  heartbeat.beatWithin(1);
  expect(clock.pending).toBe(0);
});

test("an early heartbeat that is requested while another heartbeat is unanswered follows soon after the answer", async () => {
  const answers: ((isOurs: boolean) => void)[] = [];
  const { clock, heartbeat } = start(() => new Promise((resolve) => answers.push(resolve)));
  await clock.advance(30_000);
  heartbeat.beatWithin(5_000);
  answers[0]!(true);
  await clock.advance(0);
  await clock.advance(5_000);
  expect(answers).toHaveLength(2);
  answers[1]!(true);
  await heartbeat.stop();
  expect(clock.pending).toBe(0);
});
