import { describe, expect, test } from "vitest";
import { type DenialShare, isSuspected, manyHostsDeny } from "../../lib/placement/judge-denials.ts";

const share = (rest: Partial<DenialShare>): DenialShare => ({
  denied: 0,
  deniedAgain: 0,
  deniedLately: 0,
  served: 0,
  ...rest,
});

describe("which hosts are suspected", () => {
  test.each([
    // Columns: sectors denied, how many of these were denied again hours later, requests served, is the host suspected?
    [2, 0, 0, false],
    [3, 0, 0, true],
    [3, 0, 26, true],
    [3, 0, 27, false],
    [3, 2, 0, true],
    [3, 3, 0, false],
    [400, 0, 100, true],
    [400, 0, 4_000, false],
    [400, 3, 100, false],
  ])("%i denied, %i of them again, %i served: %s", (denied, deniedAgain, served, expected) => {
    expect(isSuspected(share({ denied, deniedAgain, served }))).toBe(expected);
  });
});

describe("whether denials of many hosts at once are our fault", () => {
  test.each([
    // Columns: number of hosts that deny 2 sectors each, requests that each of these served, number of all hosts that
    // served or denied a request, is the fault ours?
    [4, 1, 4, false],
    [5, 1, 14, true],
    [5, 1, 15, false],
    [5, 17, 5, true],
    [5, 18, 5, false],
    // Denials of hosts that serve nothing do not prove a fault of ours.
    [50, 0, 50, false],
  ])("%i deny and serve %i each, %i are heard: %s", (count, served, heard, expected) => {
    const shares = Array.from({ length: count }, () => share({ denied: 2, deniedLately: 2, served }));
    expect(manyHostsDeny(shares, heard)).toBe(expected);
  });
});
