import { accountKeyFromSeed } from "../../../keys/account-key.ts";
import { hexOf } from "../../../slab/ids.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { checkWallet, deriveSeed } from "./derive-seed.ts";
import { readPhrase } from "./read-phrase.ts";

export function addDeriveSeed(host: CommandHost): void {
  host.program
    .command("derive-seed")
    .description("derive the workers' migration seed from indexd's recovery phrase")
    .addHelpText(
      "after",
      `
Reads the twelve words from standard input, never from an argument, and prints 64 hex digits: the value of
SLABMEND_MIGRATION_SEED. With the seed, workers pay hosts from an account that indexd tops up; it gives access neither to
the wallet's coins nor to any data. If a database URL is given, the phrase is first compared with the wallet of that
indexd, and nothing is printed if they differ. This needs the URL of the database's owner: the role made by
slabmend grant may not read the wallet's hash.

  slabmend derive-seed --variables-file .env.owner < phrase.txt
  slabmend derive-seed | npx sst secret set DefaultMigrationSeed --stage production`,
    )
    .action(
      action<object>(host, async (context) => {
        const derived = deriveSeed(await readPhrase(host.io));
        const isChecked = context.databaseUrl !== undefined;
        if (isChecked) {
          await withDatabase(context, { needs: "indexd" }, (ask) =>
            ask((sql) => checkWallet(sql, derived.walletHash), { isIdempotent: true }),
          );
        }
        const seed = derived.migrationSeed.reveal();
        const account = hexOf(accountKeyFromSeed(seed).account);
        // Revealed on purpose: printing the seed is the command's task.
        const migrationSeed = hexOf(seed);
        context.note(`account: ed25519:${account}`);
        context.note(
          isChecked
            ? "wallet: matches the indexd in the database"
            : "wallet: not compared, because no database URL is given",
        );
        context.print(
          { migrationSeed, account, wallet: isChecked ? "matches" : "not-compared" },
          migrationSeed,
        );
        return "done";
      }),
    );
}
