/**
 * Several indexers of one installation: a folder with one NAME.env per indexer, whose variables override the common
 * ones.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ConfigurationProblem } from "./configuration-error.ts";
import { DEFAULT_INDEXER, INDEXER_NAME, INDEXER_NAME_EXPECTED } from "./indexer-name.ts";
import { readVariablesFile } from "./variables-file.ts";

type Variables = Readonly<Record<string, string | undefined>>;

export interface ConfiguredIndexer {
  readonly name: string;
  /** The common variables, overridden by those of the indexer's own file. */
  readonly environment: Variables;
  /** Names of the variables in the indexer's own file; undefined if it has no file. */
  readonly ownNames?: readonly string[];
}

const FILE = /^(.*)\.env$/;

/**
 * Without SLABMEND_INDEXERS there is one indexer, named by SLABMEND_INDEXER. With SLABMEND_INDEXERS there is one
 * indexer for each file, named after the file; they are sorted by name.
 * @throws {OperatorError} `variables-file-unreadable`
 */
export function readIndexers(environment: Variables): {
  readonly indexers: readonly ConfiguredIndexer[];
  readonly problems: readonly ConfigurationProblem[];
} {
  const { SLABMEND_INDEXERS: folder, ...common } = environment;
  if (!folder) {
    return {
      indexers: [{ name: environment["SLABMEND_INDEXER"] || DEFAULT_INDEXER, environment }],
      problems: [],
    };
  }
  const problem = (name: string, expected: string, got: string) => ({
    indexers: [],
    problems: [{ name, expected, got }],
  });
  if (common["SLABMEND_INDEXER"]) {
    const expected = "no name, because SLABMEND_INDEXERS is set: each file's name is its indexer's name";
    return problem("SLABMEND_INDEXER", expected, JSON.stringify(common["SLABMEND_INDEXER"]));
  }
  const expected = "a folder with a file NAME.env for each indexer";
  let files: readonly string[];
  try {
    files = readdirSync(folder).filter((file) => FILE.test(file));
  } catch (error) {
    return problem("SLABMEND_INDEXERS", expected, String((error as NodeJS.ErrnoException).code));
  }
  if (files.length === 0) return problem("SLABMEND_INDEXERS", expected, "a folder without such a file");
  const read = files.toSorted().map((file) => readIndexer(folder, file, common));
  return {
    indexers: read.flatMap(({ indexer }) => (indexer === undefined ? [] : [indexer])),
    problems: read.flatMap(({ problems }) => problems),
  };
}

function readIndexer(
  folder: string,
  file: string,
  common: Variables,
): { readonly indexer?: ConfiguredIndexer; readonly problems: readonly ConfigurationProblem[] } {
  const path = join(folder, file);
  const name = FILE.exec(file)![1]!;
  if (!INDEXER_NAME.test(name)) {
    return {
      problems: [
        { name: path, expected: `${INDEXER_NAME_EXPECTED}, followed by .env`, got: JSON.stringify(file) },
      ],
    };
  }
  const own = readVariablesFile(path);
  const ownNames = Object.keys(own);
  const problems = ["SLABMEND_INDEXER", "SLABMEND_INDEXERS"]
    .filter((variable) => variable in own)
    .map((variable) => ({
      name: path,
      expected: `no ${variable}: the file's name is the indexer's name`,
      got: "one",
    }));
  const environment = { ...common, ...own, SLABMEND_INDEXER: name };
  return { indexer: { name, environment, ownNames }, problems };
}
