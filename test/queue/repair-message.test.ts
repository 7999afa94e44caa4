import { describe, expect, test } from "vitest";
import { MessageError } from "../../lib/queue/queue-error.ts";
import {
  decodeRepairMessage,
  encodeRepairMessage,
  MESSAGE_READERS,
  type RepairMessage,
} from "../../lib/queue/repair-message.ts";
import { parseLeaseToken, parseSlabDigest, parseSlabId } from "../../lib/slab/ids.ts";

const DIGEST = "ab".repeat(32);
const TOKEN = "0b9d7a5e-5d7c-4b0e-9d1b-0c6d3a1f2e4d";
const MESSAGE: RepairMessage = {
  slabId: parseSlabId("9223372036854775807"),
  digest: parseSlabDigest(DIGEST),
  token: parseLeaseToken(TOKEN),
};
const TEXT = `{"v":1,"slabId":"9223372036854775807","digest":"${DIGEST}","token":"${TOKEN}"}`;

test("version 1, to the byte", () => {
  expect(encodeRepairMessage(MESSAGE)).toBe(TEXT);
  expect(decodeRepairMessage(TEXT)).toEqual(MESSAGE);
});

test("what is written can be read, and so can what the release before wrote", () => {
  const { v: written } = JSON.parse(encodeRepairMessage(MESSAGE)) as { v: number };
  const needed = [written, written - 1].filter((version) => version > 0);
  expect([...MESSAGE_READERS.keys()]).toEqual(expect.arrayContaining(needed));
});

const codeOf = (text: string): string => {
  try {
    decodeRepairMessage(text);
  } catch (error) {
    if (error instanceof MessageError) {
      // Whoever wrote to the queue may have put anything in: it is not repeated.
      expect(error.message).not.toContain("canary");
      return error.code;
    }
    throw error;
  }
  return "decoded";
};
const changed = (change: object): string => JSON.stringify({ ...JSON.parse(TEXT), ...change });

describe("refuses", () => {
  test.each([
    ["nothing", "", "message-not-json"],
    ["no JSON", "canary {", "message-not-json"],
    ["another type", "[1]", "message-malformed"],
    ["null", "null", "message-malformed"],
    ["no version", '{"slabId":"1"}', "message-malformed"],
    ["a later version, whatever else it has", '{"v":2,"canary":true}', "message-unknown-version"],
    ["a version that is no number", changed({ v: "1" }), "message-malformed"],
    ["more than it should have", changed({ canary: "canary" }), "message-malformed"],
    ["a number for an id", changed({ slabId: 1 }), "message-malformed"],
    ["slab 0", changed({ slabId: "0" }), "message-malformed"],
    ["a slab id beyond 64 bits", changed({ slabId: "9223372036854775808" }), "message-malformed"],
    ["a digest in capitals", changed({ digest: "AB".repeat(32) }), "message-malformed"],
    ["a token that is no UUID", changed({ token: "canary" }), "message-malformed"],
    ["a missing token", changed({ token: undefined }), "message-malformed"],
    ["a prototype", '{"v":1,"__proto__":{"slabId":"1"}}', "message-malformed"],
    ["more than a kibibyte", changed({ canary: "x".repeat(1_024) }), "message-too-large"],
    ["more than a kibibyte in UTF-8", `"${"é".repeat(600)}"`, "message-too-large"],
    ["deep nesting", "[".repeat(1_000), "message-not-json"],
  ])("%s", (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });
});
