import { createHash } from "node:crypto";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { SlabmendError } from "../errors/slabmend-error.ts";

export type RecoveryPhraseErrorCode = "wrong-word-count" | "unknown-word" | "wrong-checksum";

/** Thrown for an invalid phrase. It may give the position of the wrong word, but never contains a word. */
export class RecoveryPhraseError extends SlabmendError<RecoveryPhraseErrorCode> {}

const WORDS = 12;
const BITS_PER_WORD = 11n;
/** A phrase of 12 words encodes 128 bits and this many bits of their SHA-256. */
const CHECKSUM_BITS = 4n;
const ENTROPY_BYTES = 16;

const INDEX_OF_WORD = new Map(wordlist.map((word, index) => [word, BigInt(index)]));

/**
 * The 16 bytes encoded by a recovery phrase: docs/protocol.md#key-derivation. Words are lower case, separated by any
 * white space. Only BIP-39's encoding of entropy is used: no key stretching follows.
 */
export function entropyOfPhrase(phrase: string): Uint8Array {
  const words = phrase.split(/\s+/u).filter((word) => word !== "");
  if (words.length !== WORDS) {
    throw new RecoveryPhraseError({
      code: "wrong-word-count",
      message: `recovery phrase: expected ${WORDS} words, got ${words.length}`,
      remedy: "Enter the twelve words of indexd's recovery phrase, separated by spaces.",
    });
  }
  let bits = 0n;
  words.forEach((word, position) => {
    const index = INDEX_OF_WORD.get(word);
    if (index === undefined) {
      throw new RecoveryPhraseError({
        code: "unknown-word",
        message: `recovery phrase: expected lower-case words of the English BIP-39 list, got an unlisted word as word ${position + 1}`,
        remedy: "Correct the spelling of that word.",
        details: { position: position + 1 },
      });
    }
    bits = (bits << BITS_PER_WORD) | index;
  });
  const entropy = Buffer.from((bits >> CHECKSUM_BITS).toString(16).padStart(2 * ENTROPY_BYTES, "0"), "hex");
  const checksum = createHash("sha256").update(entropy).digest().readUInt8(0) >> 4;
  if (BigInt(checksum) !== (bits & 15n)) {
    throw new RecoveryPhraseError({
      code: "wrong-checksum",
      message: "recovery phrase: expected the last word to match the others, got one that does not",
      remedy: "Look for a wrong or misplaced word.",
    });
  }
  return entropy;
}
