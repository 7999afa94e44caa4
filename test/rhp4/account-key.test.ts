import { inspect } from "node:util";
import { expect, test } from "vitest";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { filled, fromHex } from "./samples.ts";

// docs/protocol.md#key-derivation.
test.each([
  [
    "a2148f6a110c828b50a1ef70f18793c5025d84032d333d8806a97a5d9e86e901",
    "b85f89a785bff0aa0a5ee1c8ceac574f8b46fb7a99b8a08b6b9c7ea24a9a2dbc",
  ],
  [
    "935d0677b56f4d33a7c4061aab9fd701b64b1b47e82c1b617fb26f5aa7543544",
    "2b496880788765d6a264b9ced6ba202bcdc843cef8078ff26ffeab1dad0a77e0",
  ],
])("migration seed of a vector has its account", (seed, account) => {
  expect(hexOf(accountKeyFromSeed(fromHex(seed)).account)).toBe(account);
});

test("neither the account key nor an error about the seed's size shows the seed", () => {
  const seed = filled(32, 0xab);
  const key = accountKeyFromSeed(seed);
  const shown = `${inspect(key, { depth: 9, showHidden: true })} ${JSON.stringify(key)}`;
  expect(shown).not.toMatch(/abab|171, *171/);
  const error = (() => {
    try {
      return accountKeyFromSeed(filled(31, 0xab));
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toMatchObject({ code: "malformed-account-seed" });
  expect(inspect(error)).not.toMatch(/abab|171, *171/);
});
