import { deriveMigrationSeed, walletPrivateKey } from "../../lib/keys/derive-migration-seed.ts";
import { entropyOfPhrase, RecoveryPhraseError } from "../../lib/keys/recovery-phrase.ts";
import { Secret } from "../../lib/secret/secret.ts";
import { recordSecret } from "./recorder.ts";

/** Matches 11 to 13 words: a phrase with one word too few or too many is almost a real phrase. */
const PHRASE = /^\s*[a-z]+(?:\s+[a-z]+){10,12}\s*$/;

/** Records a command's input if it is a recovery phrase or almost one, and everything derived from it. */
export function rememberPhrase(text: string): void {
  if (!PHRASE.test(text)) return;
  const words = text.trim().split(/\s+/);
  const pairs = words.slice(1).map((word, before) => Buffer.from(`${words[before]} ${word}`));
  recordSecret("recovery phrase", words.join(" "), pairs);
  try {
    const entropy = entropyOfPhrase(text);
    recordSecret("entropy of a recovery phrase", entropy);
    recordSecret("wallet key", walletPrivateKey(entropy).subarray(0, 32));
    recordSecret("migration seed", deriveMigrationSeed(new Secret(text)).migrationSeed.reveal());
  } catch (error) {
    if (!(error instanceof RecoveryPhraseError)) throw error;
  }
}
