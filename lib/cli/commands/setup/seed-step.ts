import { accountKeyFromSeed } from "../../../keys/account-key.ts";
import { Secret } from "../../../secret/secret.ts";
import { hexOf } from "../../../slab/ids.ts";
import { type CommandContext, withVariables } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { checkWallet, deriveSeed } from "../derive-seed/derive-seed.ts";
import { attempt } from "./attempt.ts";
import { type Setup, SKIP } from "./setup.ts";

/**
 * @param login for indexd's database, which identifies indexd's wallet: the phrase is checked against this wallet.
 * Undefined: the database step was skipped
 * @returns the saved seed in 64 hex digits; undefined: skipped
 */
export async function seedStep(
  setup: Setup,
  login: CommandContext | undefined,
): Promise<Secret<string> | undefined> {
  const { questions } = setup;
  const known = setup.context.variables["SLABMEND_MIGRATION_SEED"];
  for (;;) {
    const answer = await questions.choose(
      "4 of 5, seed: workers pay hosts from the account of the migration seed",
      [
        ...(known ? [{ value: "keep", label: "Keep the current seed" } as const] : []),
        { value: "phrase", label: "Derive it from indexd's recovery phrase" },
        { value: "seed", label: "Enter a seed of 64 hex digits" },
        SKIP,
      ],
    );
    if (answer === "skip") return undefined;
    const tried = await attempt(setup, async () => {
      const seed =
        answer === "phrase"
          ? await derive(setup, login)
          : readSeed(
              setup.context,
              answer === "keep" ? known : (await questions.hidden("Migration seed (not shown)")).reveal(),
            );
      const digits = new Secret(hexOf(seed.reveal()));
      await setup.target.save({ SLABMEND_MIGRATION_SEED: digits.reveal() });
      questions.tell(`✓ account ed25519:${hexOf(accountKeyFromSeed(seed.reveal()).account)}`);
      return digits;
    });
    if ("result" in tried) return tried.result;
  }
}

/** @throws {ConfigurationError}, whose message never contains the seed */
function readSeed(context: CommandContext, text: string | undefined): Secret<Uint8Array> {
  return withVariables(context, { SLABMEND_MIGRATION_SEED: text }).parse(["SLABMEND_MIGRATION_SEED"])
    .SLABMEND_MIGRATION_SEED;
}

async function derive(setup: Setup, login: CommandContext | undefined): Promise<Secret<Uint8Array>> {
  const phrase = await setup.questions.hidden("Recovery phrase, twelve words (not shown)");
  const { migrationSeed, walletHash } = deriveSeed(phrase);
  if (login === undefined) {
    setup.questions.tell("! not compared with indexd's wallet, because the database was skipped");
    return migrationSeed;
  }
  try {
    await withDatabase(login, { needs: "indexd" }, (ask) =>
      ask((sql) => checkWallet(sql, walletHash), { isIdempotent: true }),
    );
    setup.questions.tell("✓ the phrase matches the indexd in the database");
  } catch (error) {
    // If the wallet could not be compared, the phrase may still be right: keep the seed.
    if (!isUnknown(error)) throw error;
    setup.questions.tell(`! not compared with indexd's wallet: ${error.message}`);
  }
  return migrationSeed;
}

const isUnknown = (error: unknown): error is Error =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "wallet-unknown" || error.code === "wallet-unreadable");
