import { createHash } from "node:crypto";
import { blake2b } from "@noble/hashes/blake2.js";
import { extract } from "@noble/hashes/hkdf.js";
import { createHasher } from "@noble/hashes/utils.js";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { describe, expect, it } from "vitest";
import { accountKeyFromSeed } from "../../lib/keys/account-key.ts";
import { deriveMigrationSeed, serviceSeed, walletPrivateKey } from "../../lib/keys/derive-migration-seed.ts";
import { entropyOfPhrase } from "../../lib/keys/recovery-phrase.ts";
import { Secret } from "../../lib/secret/secret.ts";
import { hexOf } from "../../lib/slab/ids.ts";

const FIRST = `${"abandon ".repeat(11)}about`;
const SECOND = "wealth salon venue abstract blossom hollow south over accuse bunker guide saddle";

const accountOf = (seed: Uint8Array) => hexOf(accountKeyFromSeed(seed).account);

describe("key derivation", () => {
  it("uses the standard English word list", () => {
    expect(
      createHash("sha256")
        .update(`${wordlist.join("\n")}\n`)
        .digest("hex"),
    ).toBe("2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda");
  });

  it.each([
    {
      phrase: FIRST,
      walletKey:
        "5602bf6f86e73e057e262854958307b151a798288871c8e4485a32b6253a904dc3064a3568fc5a38edcd37231f5e1fc016942e74d6ad63570e566c1e6c02c224",
      migrationSeed: "a2148f6a110c828b50a1ef70f18793c5025d84032d333d8806a97a5d9e86e901",
      account: "b85f89a785bff0aa0a5ee1c8ceac574f8b46fb7a99b8a08b6b9c7ea24a9a2dbc",
    },
    {
      phrase: SECOND,
      walletKey:
        "e313a1aa2dbe411b5335ced5592e87cb002f47a874e27e9cb90eab285c675e366d29b52b7b312fb5e4f657afd0105d3d6dcc5c326131a033597501d25612789f",
      migrationSeed: "935d0677b56f4d33a7c4061aab9fd701b64b1b47e82c1b617fb26f5aa7543544",
      account: "2b496880788765d6a264b9ced6ba202bcdc843cef8078ff26ffeab1dad0a77e0",
    },
  ])("matches the vector of account $account", ({ phrase, walletKey, migrationSeed, account }) => {
    expect(hexOf(walletPrivateKey(entropyOfPhrase(phrase)))).toBe(walletKey);
    const derived = deriveMigrationSeed(new Secret(phrase));
    expect(hexOf(derived.migrationSeed.reveal())).toBe(migrationSeed);
    expect(accountOf(derived.migrationSeed.reveal())).toBe(account);
  });

  it("the intermediate steps match the vectors", () => {
    const hash = createHasher(() => blake2b.create({ dkLen: 32 }));
    expect(hexOf(hash(entropyOfPhrase(FIRST)))).toBe(
      "94c1c088cc9453996779630ad3af45cbd92814828dd784cf2aa12df95d1b8afe",
    );
    const salt = Buffer.from("migration", "ascii");
    expect(hexOf(extract(hash, walletPrivateKey(entropyOfPhrase(FIRST)), salt))).toBe(
      "fd5411cd31989a80817fd636f31f3c6f0a492dd08ffade1d93b2cf6573785d4f",
    );
  });

  it("the wallet hash and the integrity account match the vectors", () => {
    expect(hexOf(deriveMigrationSeed(new Secret(FIRST)).walletHash)).toBe(
      "ee40078ab9d743f3a7ef99d9e68a7b3a59f7a80c422bd01a2bdce93a45adf758",
    );
    const integrity = serviceSeed(walletPrivateKey(entropyOfPhrase(FIRST)), "integrity");
    expect(hexOf(integrity)).toBe("8a0a00b192e5df792a0379b77b475823057c0c3fa008f7ce72ec80c86a1ed0cc");
    expect(accountOf(integrity)).toBe("68b0c20a1395e354239aa4fba2a64690c3b192a600fac0dfac17bdf8f8ac828d");
  });
});
