import { describe, expect, test } from "vitest";
import { MessageError } from "../../lib/queue/queue-error.ts";
import { decodeRepairMessage, encodeRepairMessage } from "../../lib/queue/repair-message.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../lib/slab/ids.ts";
import type { LeasedSlab } from "../../lib/slab/leased-slab.ts";

const DIGEST = "ab".repeat(32);
const TOKEN = "0b9d7a5e-5d7c-4b0e-9d1b-0c6d3a1f2e4d";
const MESSAGE: LeasedSlab = {
  slabId: parseSlabId("9223372036854775807"),
  digest: parseSlabDigest(DIGEST),
  token: parseLeaseToken(TOKEN),
};
const TEXT = `{"v":1,"kind":"repair","indexer":"main","slabId":"9223372036854775807","digest":"${DIGEST}","token":"${TOKEN}"}`;

test("a repair message is encoded to exactly the expected bytes", () => {
  expect(encodeRepairMessage(MESSAGE, "main")).toBe(TEXT);
  expect(decodeRepairMessage(TEXT, "main")).toEqual(MESSAGE);
});

const codeOf = (text: string): string => {
  try {
    decodeRepairMessage(text, "main");
  } catch (error) {
    if (error instanceof MessageError) {
      // A queue may contain anything, so the error must not repeat the message's text.
      expect(error.message).not.toContain("canary");
      return error.code;
    }
    throw error;
  }
  return "decoded";
};
const changed = (change: object): string => JSON.stringify({ ...JSON.parse(TEXT), ...change });

describe("a repair message is refused:", () => {
  test.each([
    ["nothing", "", "message-not-json"],
    ["no JSON", "canary {", "message-not-json"],
    ["another type", "[1]", "message-malformed"],
    ["null", "null", "message-malformed"],
    ["no version", '{"slabId":"1"}', "message-malformed"],
    ["a later version with any content", '{"v":2,"canary":true}', "message-unknown-version"],
    ["another kind of job", changed({ kind: "canary" }), "message-unknown-kind"],
    ["no kind", changed({ kind: undefined }), "message-unknown-kind"],
    ["a lease of another indexer", changed({ indexer: "canary" }), "message-of-another-indexer"],
    ["no indexer", changed({ indexer: undefined }), "message-of-another-indexer"],
    ["a version that is not a number", changed({ v: "1" }), "message-malformed"],
    ["an additional field", changed({ canary: "canary" }), "message-malformed"],
    ["a number for an id", changed({ slabId: 1 }), "message-malformed"],
    ["slab 0", changed({ slabId: "0" }), "message-malformed"],
    ["a slab id beyond 64 bits", changed({ slabId: "9223372036854775808" }), "message-malformed"],
    ["a digest in capitals", changed({ digest: "AB".repeat(32) }), "message-malformed"],
    ["a token that is not a UUID", changed({ token: "canary" }), "message-malformed"],
    ["a missing token", changed({ token: undefined }), "message-malformed"],
    [
      "a prototype",
      '{"v":1,"kind":"repair","indexer":"main","__proto__":{"slabId":"1"}}',
      "message-malformed",
    ],
    ["more than a kibibyte", changed({ canary: "x".repeat(1_024) }), "message-too-large"],
    ["more than a kibibyte in UTF-8", `"${"é".repeat(600)}"`, "message-too-large"],
    ["deep nesting", "[".repeat(1_000), "message-not-json"],
  ])("%s", (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });
});
