import { expect, test } from "vitest";
import { StrayFrames } from "../../lib/siamux/stray-frames.ts";
import { fatalStrayFrames } from "../../lib/siamux/wire-format.ts";

test("of the stray frames on a remembered stream, 999 are tolerated, and the 1000th is a flood", () => {
  const strays = new StrayFrames(1000);
  strays.remember(256);
  const verdicts = Array.from({ length: 1000 }, () => strays.count(256));
  expect(verdicts.slice(0, 999).every((verdict) => verdict === "tolerated")).toBe(true);
  expect(verdicts[999]).toBe("flood");
});

test("a stream is not remembered if our side has not closed it, or if the peer has closed it too", () => {
  const strays = new StrayFrames(1000);
  expect(strays.count(256)).toBe("unknown");
  strays.remember(256);
  strays.forget(256);
  expect(strays.count(256)).toBe("unknown");
  expect(strays.isRemembered(256)).toBe(false);
});

test("when a 4097th closed stream is remembered, only the oldest remembered stream is forgotten", () => {
  const strays = new StrayFrames(1000);
  for (let i = 0; i <= 4096; i++) strays.remember(256 + 2 * i);
  expect(strays.count(256)).toBe("unknown");
  expect(strays.count(258)).toBe("tolerated");
});

test.each([
  // Columns: packet size in bytes, number of the stray frame that ends the connection. A sector with its framing is
  // 4,259,840 bytes; 24 bytes of each packet are header and tag.
  [1220, 3_563],
  [2880, 1_493],
  [4200, 1_022],
  [4320, 1_000],
  [32_768, 1_000],
])(
  "packets of %i bytes: stray frame %i of a closed stream is a flood; a whole sector has fewer",
  (size, fatal) => {
    expect(fatalStrayFrames(size)).toBe(fatal);
    expect((fatal - 1) * (size - 24)).toBeGreaterThanOrEqual(4_194_304);
  },
);
