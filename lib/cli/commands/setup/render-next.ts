/** What comes after `setup`, in words. Pure. */

export function serveCommand(path: string): string {
  return `Start it: slabmend serve --variables-file ${path}`;
}

/** The rest of the README's steps; the values are in the file. */
export function awsSteps(path: string): string {
  return [
    "In a clone of the repository, with credentials of AWS in the environment:",
    "",
    "1. Write SLABMEND_ALARM_EMAIL=… into .env.production (docs/deployment.md has the other settings of a stage).",
    `2. npx sst secret set DefaultDatabaseUrl --stage production      asks for SLABMEND_DATABASE_URL of ${path}`,
    `3. npx sst secret set DefaultMigrationSeed --stage production    asks for SLABMEND_MIGRATION_SEED of ${path}`,
    "4. npx sst deploy --stage production",
    `5. Append the lines SLABMEND_…: … that it prints last to ${path}`,
    `6. npx slabmend doctor --variables-file ${path}`,
  ].join("\n");
}
