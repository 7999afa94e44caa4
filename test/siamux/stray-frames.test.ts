import { expect, test } from "vitest";
import { StrayFrames } from "../../lib/siamux/stray-frames.ts";

test("999 frames are tolerated on a remembered stream, the 1000th is a flood", () => {
  const strays = new StrayFrames();
  strays.remember(256);
  const verdicts = Array.from({ length: 1000 }, () => strays.count(256));
  expect(verdicts.slice(0, 999).every((verdict) => verdict === "tolerated")).toBe(true);
  expect(verdicts[999]).toBe("flood");
});

test("a stream that was never closed here, or that the peer closed too, is unknown", () => {
  const strays = new StrayFrames();
  expect(strays.count(256)).toBe("unknown");
  strays.remember(256);
  strays.forget(256);
  expect(strays.count(256)).toBe("unknown");
  expect(strays.isRemembered(256)).toBe(false);
});

test("the 4097th stream pushes out the one closed longest ago, and only that", () => {
  const strays = new StrayFrames();
  for (let i = 0; i <= 4096; i++) strays.remember(256 + 2 * i);
  expect(strays.count(256)).toBe("unknown");
  expect(strays.count(258)).toBe("tolerated");
});
