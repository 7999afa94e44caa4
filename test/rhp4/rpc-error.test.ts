import { expect, test } from "vitest";
import { encodeWireError, expectSuccess } from "../../lib/rhp4/framing.ts";
import { bytesInMemory } from "../../lib/rhp4/message-reader.ts";
import {
  classifyWireError,
  RpcError,
  type RpcErrorCode,
  rpcErrorFromWire,
} from "../../lib/rhp4/rpc-error.ts";

// The errors of docs/protocol.md#rhp4-errors, with the texts that hosts send.
const TABLE: readonly (readonly [wireCode: number, description: string, code: RpcErrorCode])[] = [
  [2, "sector not found", "sector-not-found"],
  [2, "sector corrupt", "sector-corrupt"],
  [2, "not enough storage", "not-enough-storage"],
  [2, "host is shutting down", "host-shutting-down"],
  [2, "internal error", "host-internal"],
  [2, "contract not found", "contract-not-found"],
  [2, "host funding error", "host-error"],
  [2, "not accepting contracts", "host-error"],
  [2, "pool not found", "host-error"],
  [5, "not enough funds", "not-enough-funds"],
  [5, "insufficient renter funds: 1 SC < 2 SC", "payment-refused"],
  [5, "insufficient host collateral: 1 SC < 2 SC", "payment-refused"],
  [3, "request invalid: prices are invalid: prices expired (3)", "prices-expired"],
  [3, "prices are invalid: prices expired (3)", "prices-expired"],
  [3, "prices expired", "prices-expired"],
  [3, "request invalid: prices are invalid: invalid signature (3)", "prices-signature-refused"],
  [3, "request invalid: token is invalid: account token expired (3)", "token-expired"],
  [3, "request invalid: token is invalid: host key mismatch (3)", "token-for-other-host"],
  [3, "request invalid: token is invalid: invalid signature (3)", "token-signature-refused"],
  [3, "request invalid: length must be greater than 0 (3)", "request-refused"],
  [3, "request invalid: read request exceeds sector bounds (3)", "request-refused"],
  [3, "request invalid: read request must be segment aligned (3)", "request-refused"],
  [3, "request invalid: sector must not be empty (3)", "request-refused"],
  [3, "pool token expired", "request-refused"],
  [3, "unrecognized RPC", "rpc-unknown"],
  [4, "failed to read request: unexpected EOF", "request-undecodable"],
  [4, "failed to read sector data: unexpected EOF", "request-undecodable"],
  [1, "transport", "error-code-unknown"],
  [0, "", "error-code-unknown"],
  [255, "whatever", "error-code-unknown"],
];

test.each(TABLE)("code %i %j means %s", (code, description, meaning) => {
  expect(classifyWireError({ code, description })).toBe(meaning);
});

test.each([
  [3, "sector not found"],
  [5, "sector corrupt"],
  [2, "sector not found "],
  [2, "Sector not found"],
  [2, "failed to read: sector not found (2)"],
  [2, "internal error: sector corrupt"],
  [2, "constructor"],
  [4, "prices expired"],
])("code %i %j never says that a sector is lost", (code, description) => {
  expect(["sector-not-found", "sector-corrupt", "prices-expired"]).not.toContain(
    classifyWireError({ code, description }),
  );
});

test("the message has the host's text shortened to one line, and the error keeps the full text", () => {
  const description = `secrets?\nforged log line\u001b[31m${"x".repeat(500)}`;
  const error = rpcErrorFromWire({ code: 2, description });
  expect(error.message).toMatch(
    /^the host answered host-error \(code 2: "secrets\?\?forged log line\?\[31mx+"\)$/,
  );
  expect(error.message.length).toBeLessThan(260);
  expect(error.wire.description).toBe(description);
  expect(error.remedy).not.toBe("");
});

test("an error response of a host is thrown as RpcError, with any text", async () => {
  for (const description of ["", "sector not found", "ü".repeat(400), "x".repeat(5000)]) {
    const bytes = encodeWireError({ code: 2, description });
    expect(bytes.length).toBeLessThanOrEqual(1025);
    const error = await expectSuccess(bytesInMemory(bytes)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RpcError);
  }
});
