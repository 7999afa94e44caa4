/** Describes the steps after `setup`. Pure. */

export function serveCommand(path: string): string {
  return `Start it: slabmend serve --variables-file ${path}`;
}

/** The README's steps for AWS that remain after `setup`. The values are in the file at `path`. */
export function awsSteps(path: string): string {
  return [
    "In a clone of the repository, with AWS credentials in the environment:",
    "",
    "1. Write SLABMEND_ALARM_EMAIL=… into .env.production (docs/deployment.md lists the other settings of a stage).",
    `2. npx sst secret set DefaultDatabaseUrl --stage production      asks for SLABMEND_DATABASE_URL of ${path}`,
    `3. npx sst secret set DefaultMigrationSeed --stage production    asks for SLABMEND_MIGRATION_SEED of ${path}`,
    "4. npx sst deploy --stage production",
    `5. Append the last lines that sst deploy prints, SLABMEND_…: …, to ${path}`,
    `6. npx slabmend doctor --variables-file ${path}`,
  ].join("\n");
}
