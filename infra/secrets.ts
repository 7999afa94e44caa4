import type { IndexerNames } from "./names.ts";

/**
 * An operator sets these secrets with `npx sst secret set NAME --stage STAGE`; check-secrets.ts has validated them
 * before.
 */
export function createSecrets(names: IndexerNames) {
  return {
    databaseUrl: new sst.Secret(names.resource("DatabaseUrl")),
    migrationSeed: new sst.Secret(names.resource("MigrationSeed")),
  };
}
