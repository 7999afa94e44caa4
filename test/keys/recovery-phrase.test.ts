import { entropyToMnemonic } from "@scure/bip39";
import { wordlist } from "@scure/bip39/wordlists/english.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entropyOfPhrase, RecoveryPhraseError } from "../../lib/keys/recovery-phrase.ts";
import { hexOf } from "../../lib/slab/ids.ts";

function refusalOf(phrase: string): RecoveryPhraseError {
  try {
    entropyOfPhrase(phrase);
  } catch (error) {
    if (error instanceof RecoveryPhraseError) return error;
    throw error;
  }
  throw new Error("the phrase was accepted");
}

describe("recovery phrase", () => {
  it("matches the vector", () => {
    expect(hexOf(entropyOfPhrase(`${"abandon ".repeat(11)}about`))).toBe("00".repeat(16));
  });

  it("gives back the entropy from which @scure/bip39 made the phrase, for any entropy", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (entropy) => {
        expect(hexOf(entropyOfPhrase(entropyToMnemonic(entropy, wordlist)))).toBe(hexOf(entropy));
      }),
    );
  });

  it("accepts any white space", () => {
    expect(hexOf(entropyOfPhrase(`\n abandon\t${"abandon \r\n".repeat(10)}  about\n`))).toBe("00".repeat(16));
  });

  it.each([
    ["", "wrong-word-count"],
    ["abandon ".repeat(11), "wrong-word-count"],
    [`${"abandon ".repeat(12)}about`, "wrong-word-count"],
    [`${"abandon ".repeat(11)}canarybird`, "unknown-word"],
    [`${"abandon ".repeat(11)}About`, "unknown-word"],
    ["abandon ".repeat(12), "wrong-checksum"],
    [`about ${"abandon ".repeat(11)}`, "wrong-checksum"],
  ])("refuses %j as %s without repeating a word", (phrase, code) => {
    const error = refusalOf(phrase);
    expect(error.code).toBe(code);
    expect(error.cause).toBe(undefined);
    const told = [error.message, error.remedy, error.stack, JSON.stringify(error.details)]
      .join(" ")
      .toLowerCase();
    for (const word of new Set(phrase.toLowerCase().split(" "))) {
      if (word !== "" && word !== "about") expect(told).not.toContain(word);
    }
  });

  it("names the position of an unknown word", () => {
    expect(refusalOf(`abandon abandom ${"abandon ".repeat(10)}`).details).toEqual({ position: 2 });
  });
});
