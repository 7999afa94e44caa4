import { timingSafeEqual } from "node:crypto";
import type { Sql } from "postgres";
import { readWalletHash } from "../../../database/indexd/wallet-hash.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import { deriveMigrationSeed, type MigrationSecrets } from "../../../keys/derive-migration-seed.ts";
import type { Secret } from "../../../secret/secret.ts";

/** @throws {RecoveryPhraseError}, whose message never contains a word of the phrase */
export function deriveSeed(phrase: Secret<string>): MigrationSecrets {
  return deriveMigrationSeed(phrase);
}

/**
 * Compares the phrase's wallet with the wallet that indexd recorded at its first start.
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
      remedy: "Start indexd once on this database, or omit the database URL to skip the comparison.",
    });
  }
  if (expected.length === walletHash.length && timingSafeEqual(expected, walletHash)) return;
  throw new OperatorError({
    code: "wallet-mismatch",
    message: "recovery phrase: expected the phrase of the indexd in the database, got one of another wallet",
    remedy:
      "Enter the phrase that this indexd's configuration contains, or use the database URL of the indexd that has this phrase.",
  });
}

const INSUFFICIENT_PRIVILEGE = "42501";

const isRefusal = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === INSUFFICIENT_PRIVILEGE;

/** The role may not read `wallet_hash`: `slabmend grant` does not grant this, because workers do not need it. */
function unreadable(cause: unknown): OperatorError {
  return new OperatorError({
    code: "wallet-unreadable",
    message:
      "global_settings.wallet_hash: expected a role that may read it, got one that may not, such as the role made by slabmend grant",
    remedy:
      "Set SLABMEND_DATABASE_URL to the URL of the database's owner for this command (--variables-file .env.owner), or omit the URL to skip the comparison.",
    cause,
  });
}
