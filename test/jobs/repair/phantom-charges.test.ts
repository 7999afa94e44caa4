import { expect, test } from "vitest";
import { createMeter, dropPhantomCharges } from "../../../lib/jobs/repair/meter.ts";

test.each([
  ["underfunded", 0, 0, 0n],
  // A host was paid, so cancelled calls elsewhere may have been charged too.
  ["underfunded", 1, 0, 5n],
  ["underfunded", 0, 1, 5n],
  ["fault", 0, 0, 5n],
] as const)(
  "%s with %i bytes read and %i written: %s of 5 hastings are charged",
  (outcome, bytesRead, bytesWritten, charged) => {
    const meter = { ...createMeter(), bytesRead, bytesWritten, hastings: 5n };
    dropPhantomCharges(meter, outcome);
    expect(meter.hastings).toBe(charged);
  },
);
