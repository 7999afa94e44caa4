/** Set with `npx sst secret set NAME VALUE --stage STAGE`; a deployment without them fails and says which is missing. */
export function createSecrets() {
  return {
    databaseUrl: new sst.Secret("DatabaseUrl"),
    migrationSeed: new sst.Secret("MigrationSeed"),
  };
}
