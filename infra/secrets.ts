import type { IndexerNames } from "./names.ts";

/** Set with `npx sst secret set NAME --stage STAGE`; check-secrets.ts validates them first. */
export function createSecrets(names: IndexerNames) {
  return {
    databaseUrl: new sst.Secret(names.resource("DatabaseUrl")),
    migrationSeed: new sst.Secret(names.resource("MigrationSeed")),
  };
}
