import { expect, test } from "vitest";
import { repairRemedy } from "../../lib/cli/commands/repair/repair-remedy.ts";

test.each([
  ["fault", "no-host-answered", /SLABMEND_ALLOW_PRIVATE_ADDRESSES/],
  ["fault", undefined, /doctor/],
  ["underfunded", undefined, /funds accounts/],
  ["too-few-sources", undefined, /slabmend slab/],
] as const)("a repair that ends as %s with error %s has a remedy", (outcome, error, remedy) => {
  expect(repairRemedy({ outcome, journal: { error } as never })).toMatch(remedy);
});

test("a repair that succeeded needs no remedy", () => {
  expect(repairRemedy({ outcome: "repaired", journal: undefined })).toBeUndefined();
});
