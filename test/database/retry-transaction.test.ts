import { expect, test } from "vitest";
import {
  classifyDatabaseFailure,
  retryDelayMs,
  retryTransaction,
} from "../../lib/database/client/retry-transaction.ts";
import { createFakeClock } from "../support/fake-clock.ts";

const failure = (code: string): Error => Object.assign(new Error(code), { code });

test.each([
  ["40001", "conflict"],
  ["40P01", "conflict"],
  ["55P03", "conflict"],
  ["08006", "connection-lost"],
  ["57P01", "connection-lost"],
  ["57P05", "connection-lost"],
  ["53300", "connection-lost"],
  // The answer of the old primary after a failover.
  ["25006", "read-only"],
  ["ENOTFOUND", "connection-lost"],
  ["CONNECTION_CLOSED", "connection-lost"],
  ["ECONNRESET", "connection-lost"],
  // The connection was lost and its driver was discarded, while the statement was still queued in this driver.
  ["CONNECTION_DESTROYED", "connection-lost"],
  // We ended the client ourselves.
  ["CONNECTION_ENDED", "permanent"],
  ["57014", "permanent"],
  ["57P04", "permanent"],
  ["23514", "permanent"],
  ["42501", "permanent"],
])("an error with SQLSTATE %s is %s", (code, kind) => {
  expect(classifyDatabaseFailure(failure(code))).toBe(kind);
});

test("an error that is not from the database is permanent", () => {
  expect(classifyDatabaseFailure(new TypeError("a bug"))).toBe("permanent");
  expect(classifyDatabaseFailure("40001")).toBe("permanent");
});

test("retry delays double up to a maximum, with a jitter of at most half", () => {
  expect([1, 2, 3, 30].map((attempt) => retryDelayMs("conflict", attempt, 0))).toEqual([3, 6, 12, 2_000]);
  expect(retryDelayMs("conflict", 30, 1)).toBe(3_000);
  expect(retryDelayMs("connection-lost", 1, 0)).toBe(100);
});

test("retries wait by the given clock, and the transaction gets the number of the attempt", async () => {
  const clock = createFakeClock();
  const attempts: number[] = [];
  const running = retryTransaction(
    "test",
    async (attempt) => {
      attempts.push(attempt);
      if (attempt < 4) throw failure("40001");
      return "done";
    },
    { clock, random: () => 0 },
  );
  for (const delayMs of [0, 3, 6, 12]) await clock.advance(delayMs);
  expect(await running).toBe("done");
  expect(attempts).toEqual([1, 2, 3, 4]);
  expect(clock.pending).toBe(0);
});

test("conflicts and lost connections have separate retry limits", async () => {
  const endless = (code: string, options: object) =>
    retryTransaction("test", () => Promise.reject(failure(code)), { random: () => 0, ...options });
  await expect(endless("40001", { maxAttempts: 2 })).rejects.toMatchObject({
    code: "retries-exhausted",
    details: { attempts: 2 },
    cause: { code: "40001" },
  });
  await expect(endless("CONNECTION_CLOSED", { maxConnectionAttempts: 1 })).rejects.toMatchObject({
    code: "fate-unknown",
  });
});

test("a transaction on a read-only server is not retried on the same connection", async () => {
  let tries = 0;
  const running = retryTransaction("test", () => {
    tries += 1;
    return Promise.reject(failure("25006"));
  });
  await expect(running).rejects.toMatchObject({ code: "read-only-server", cause: { code: "25006" } });
  expect(tries).toBe(1);
});

test("retries stop when the signal aborts", async () => {
  const controller = new AbortController();
  const clock = createFakeClock();
  const running = retryTransaction("test", () => Promise.reject(failure("40001")), {
    clock,
    random: () => 0,
    signal: controller.signal,
  });
  await clock.advance(1);
  controller.abort(new Error("enough"));
  await expect(running).rejects.toThrow("enough");
  expect(clock.pending).toBe(0);
});
