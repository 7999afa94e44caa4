import { describe, expect, test } from "vitest";
import { decideRestart } from "../../lib/worker/restart-policy.ts";

describe("a process that ended unexpectedly is restarted", () => {
  test.each([
    // Columns: failures before, lifetime in ms, failures after, delay in ms, whether this is a crash loop.
    [0, 10, 1, 0, false],
    [1, 10, 2, 1_000, false],
    [2, 10, 3, 2_000, false],
    [3, 10, 4, 4_000, true],
    [8, 10, 9, 60_000, true],
    [5_000, 59_999, 5_001, 60_000, true],
    // The process had run long enough, so the count of failures starts again.
    [8, 60_000, 1, 0, false],
    [0, 3_600_000, 1, 0, false],
  ] as const)(
    "after %i failures and a lifetime of %i ms",
    (before, livedMs, failures, delayMs, isCrashLooping) => {
      expect(decideRestart(before, livedMs)).toEqual({ failures, delayMs, isCrashLooping });
    },
  );
});
