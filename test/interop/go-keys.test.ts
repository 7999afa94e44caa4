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

test(`we derive the same wallet keys as Go from ${PHRASES} random phrases`, () => {
  for (let n = 0; n < PHRASES; n++) {
    const { phrase } = go.wallet.generateSeedPhrase();
    const { privateKey } = go.wallet.keyPairFromSeedPhrase(phrase, 0);
    // Go chooses the phrase at random, so a failed assertion prints the phrase: with it the failure can be reproduced.
    expect(hexOf(walletPrivateKey(entropyOfPhrase(phrase))), phrase).toBe(privateKey);
  }
});
