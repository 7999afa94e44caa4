/** Finds the indexer that a command is for: `--indexer NAME`, or the argument of `slabmend indexers`. */
import { ConfigurationError } from "../../config/configuration-error.ts";
import { type ConfiguredIndexer, readIndexers } from "../../config/indexer-files.ts";
import { OperatorError } from "../../errors/operator-error.ts";

type Variables = Readonly<Record<string, string | undefined>>;

/** All configured indexers, sorted by name. @throws {ConfigurationError} if the folder cannot be read */
export function configuredIndexers(variables: Variables): readonly ConfiguredIndexer[] {
  const { indexers, problems } = readIndexers(variables);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return indexers;
}

/**
 * @param name if undefined, the only configured indexer is taken
 * @throws {OperatorError} `no-such-indexer`
 */
export function findIndexer(variables: Variables, name: string | undefined): ConfiguredIndexer {
  const indexers = configuredIndexers(variables);
  const found =
    name === undefined && indexers.length === 1
      ? indexers[0]
      : indexers.find((indexer) => indexer.name === name);
  if (found !== undefined) return found;
  const names = indexers.map((indexer) => indexer.name).join(", ");
  throw new OperatorError({
    code: "no-such-indexer",
    message: `indexer: expected one of ${names}, got ${name === undefined ? "no name" : JSON.stringify(name.slice(0, 40))}`,
    remedy:
      "Take the name from slabmend indexers list. Each indexer is a file NAME.env in the folder SLABMEND_INDEXERS.",
  });
}
