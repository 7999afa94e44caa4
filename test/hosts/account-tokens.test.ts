import { expect, test } from "vitest";
import { AccountTokens } from "../../lib/hosts/account-tokens.ts";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { checkAccountToken } from "../../lib/rhp4/account-token.ts";
import type { HostKey } from "../../lib/slab/ids.ts";

const VALID_MS = 300_000;
const SIGNED_AT_MS = 1_900_000_000_000;
const host = (digit: string): HostKey => digit.repeat(64) as HostKey;

function tokens() {
  const key = accountKeyFromSeed(new Uint8Array(32).fill(7));
  let signatures = 0;
  const signer = {
    account: key.account,
    sign: (bytes: Uint8Array) => {
      signatures += 1;
      return key.sign(bytes);
    },
  };
  const made = new AccountTokens(signer, VALID_MS);
  return { tokenFor: made.tokenFor.bind(made), signatures: () => signatures };
}

test.each([
  { what: "at once", afterMs: 0, signatures: 1 },
  { what: "just before a fifth of its validity has passed", afterMs: 59_999, signatures: 1 },
  { what: "after a fifth of its validity", afterMs: 60_000, signatures: 2 },
  { what: "after the clock was set back", afterMs: -1, signatures: 2 },
])("a host's second token $what: $signatures signatures", ({ afterMs, signatures }) => {
  const under = tokens();
  under.tokenFor(host("a"), SIGNED_AT_MS);
  const second = under.tokenFor(host("a"), SIGNED_AT_MS + afterMs);
  expect(under.signatures()).toBe(signatures);
  expect(checkAccountToken(second, host("a"), SIGNED_AT_MS + afterMs + 0.8 * VALID_MS)).toBe("valid");
  expect(checkAccountToken(second, host("a"), SIGNED_AT_MS + afterMs + VALID_MS + 1)).toBe(
    "account token expired",
  );
});

test("tokens for two hosts are signed separately, and each is valid for its host", () => {
  const under = tokens();
  expect(checkAccountToken(under.tokenFor(host("a"), SIGNED_AT_MS), host("a"), SIGNED_AT_MS)).toBe("valid");
  expect(checkAccountToken(under.tokenFor(host("b"), SIGNED_AT_MS), host("b"), SIGNED_AT_MS)).toBe("valid");
  expect(under.signatures()).toBe(2);
});
