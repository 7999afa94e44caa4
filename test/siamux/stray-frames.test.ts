import { expect, test } from "vitest";
import { StrayFrames } from "../../lib/siamux/stray-frames.ts";
import { fatalStrayFrames, maxPayloadBytes } from "../../lib/siamux/wire-format.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";

test("999 frames are tolerated on a remembered stream, the 1000th is a flood", () => {
  const strays = new StrayFrames(1000);
  strays.remember(256);
  const verdicts = Array.from({ length: 1000 }, () => strays.count(256));
  expect(verdicts.slice(0, 999).every((verdict) => verdict === "tolerated")).toBe(true);
  expect(verdicts[999]).toBe("flood");
});

test("a stream that was never closed here, or that the peer closed too, is unknown", () => {
  const strays = new StrayFrames(1000);
  expect(strays.count(256)).toBe("unknown");
  strays.remember(256);
  strays.forget(256);
  expect(strays.count(256)).toBe("unknown");
  expect(strays.isRemembered(256)).toBe(false);
});

test("the 4097th stream pushes out the one closed longest ago, and only that", () => {
  const strays = new StrayFrames(1000);
  for (let i = 0; i <= 4096; i++) strays.remember(256 + 2 * i);
  expect(strays.count(256)).toBe("unknown");
  expect(strays.count(258)).toBe("tolerated");
});

test.each([
  [1220, 3592],
  [2880, 1505],
  [4222, 1024],
  [4320, 1000],
  [32_768, 1000],
])(
  "in packets of %i bytes the %ith stray frame is the flood, and a sector is fewer",
  (packetBytes, fatal) => {
    expect(fatalStrayFrames(packetBytes)).toBe(fatal);
    expect(Math.ceil(SECTOR_BYTES / maxPayloadBytes(packetBytes))).toBeLessThan(fatal);
  },
);
