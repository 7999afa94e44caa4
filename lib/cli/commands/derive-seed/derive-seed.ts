import { timingSafeEqual } from "node:crypto";
import type { Sql } from "postgres";
import { readWalletHash } from "../../../database/indexd/wallet-hash.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { deriveMigrationSeed, type MigrationSecrets } from "../../../keys/derive-migration-seed.ts";
import type { Secret } from "../../../secret/secret.ts";

/** @throws {RecoveryPhraseError} which never repeats a word */
export function deriveSeed(phrase: Secret<string>): MigrationSecrets {
  return deriveMigrationSeed(phrase);
}

/**
 * Compares a phrase's wallet with the one that indexd first started with.
 * @throws {OperatorError} `wallet-mismatch`, `wallet-unknown` or `wallet-unreadable`
 */
export async function checkWallet(sql: Sql, walletHash: Uint8Array): Promise<void> {
  const expected = await readWalletHash(sql).catch((cause: unknown) => {
    throw isRefusal(cause) ? unreadable(cause) : cause;
  });
  if (expected === undefined) {
    throw new OperatorError({
      code: "wallet-unknown",
      message: "global_settings.wallet_hash: expected indexd's wallet, got none",
      remedy:
        "Start indexd once on this database, or leave the database URL away to go without the comparison.",
    });
  }
  if (expected.length === walletHash.length && timingSafeEqual(expected, walletHash)) return;
  throw new OperatorError({
    code: "wallet-mismatch",
    message: "recovery phrase: expected that of the indexd in the database, got another wallet's",
    remedy:
      "Enter the phrase of this indexd's configuration, or point the database URL to the indexd of this phrase.",
  });
}

const INSUFFICIENT_PRIVILEGE = "42501";

const isRefusal = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === INSUFFICIENT_PRIVILEGE;

/** `slabmend grant` withholds the hash: workers have no use for it. */
function unreadable(cause: unknown): OperatorError {
  return new OperatorError({
    code: "wallet-unreadable",
    message:
      "global_settings.wallet_hash: expected a role that may read it, got one that may not, as the workers' role that slabmend grant makes",
    remedy:
      "Set SLABMEND_DATABASE_URL to the URL of the database's owner for this command (--variables-file .env.owner), or leave the URL away to go without the comparison.",
    cause,
  });
}
