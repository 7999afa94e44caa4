/** Chooses which of several indexers the console shows. Pure. */

/**
 * The previous choice if it still exists, else the first. Undefined if there is only one: then requests need not name
 * it.
 */
export function chooseIndexer(names: readonly string[], before: string | null): string | undefined {
  if (names.length < 2) return undefined;
  return before !== null && names.includes(before) ? before : names[0];
}

/** Adds the indexer to a path of the API. */
export function pathOf(path: string, indexer: string | undefined): string {
  if (indexer === undefined) return path;
  return `${path}${path.includes("?") ? "&" : "?"}indexer=${encodeURIComponent(indexer)}`;
}
