/** The indexers of one `serve`: those in the folder, each with its own database. */
import type { ConfigurationProblem } from "./configuration-error.ts";
import { type ConfiguredIndexer, readIndexers } from "./indexer-files.ts";

/**
 * If several indexers have the same database, all but the first are reported and left out: they would be one indexer
 * under several names.
 * @throws {OperatorError} `variables-file-unreadable`
 */
export function readServedIndexers(
  environment: Readonly<Record<string, string | undefined>>,
): ReturnType<typeof readIndexers> {
  const { indexers, problems } = readIndexers(environment);
  const owners = new Map<string, string>();
  const served: ConfiguredIndexer[] = [];
  const shared: ConfigurationProblem[] = [];
  for (const indexer of indexers) {
    const database = databaseOf(indexer.environment["SLABMEND_DATABASE_URL"]);
    const owner = database === undefined ? undefined : owners.get(database);
    if (database !== undefined) owners.set(database, owner ?? indexer.name);
    if (owner === undefined) served.push(indexer);
    else {
      shared.push({
        name: `SLABMEND_DATABASE_URL of ${indexer.name}`,
        expected: "its own database",
        got: `the database of ${owner}`,
      });
    }
  }
  return { indexers: served, problems: [...problems, ...shared] };
}

/** Host, port and name of a database. Undefined if the text is not a URL; the parser of variables reports that. */
export function databaseOf(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return undefined;
  const { hostname, port, pathname } = new URL(url);
  return `${hostname}:${port || "5432"}${pathname}`;
}
