/** Set with `npx sst secret set NAME --stage STAGE`; check-secrets.ts looks at them first. */
export function createSecrets() {
  return {
    databaseUrl: new sst.Secret("DatabaseUrl"),
    migrationSeed: new sst.Secret("MigrationSeed"),
  };
}
