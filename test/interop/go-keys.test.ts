/** Recovery phrases that Go makes, and the keys that Go derives from them. */
import { beforeAll, expect, test } from "vitest";
import { walletPrivateKey } from "../../lib/keys/derive-migration-seed.ts";
import { entropyOfPhrase } from "../../lib/keys/recovery-phrase.ts";
import { hexOf } from "../../lib/slab/ids.ts";
import { type GoCore, startGoCore } from "./go/go-core.ts";

const PHRASES = 200;

let go: GoCore;
beforeAll(async () => {
  go = await startGoCore();
});

test(`the wallet's key of ${PHRASES} random phrases`, () => {
  for (let n = 0; n < PHRASES; n++) {
    const { phrase } = go.wallet.generateSeedPhrase();
    const { privateKey } = go.wallet.keyPairFromSeedPhrase(phrase, 0);
    // The phrase comes from Go, so a failure must show it to be reproducible.
    expect(hexOf(walletPrivateKey(entropyOfPhrase(phrase))), phrase).toBe(privateKey);
  }
});
