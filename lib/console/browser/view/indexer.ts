/** Which of several indexers the console shows. Pure. */

/** The one that was chosen before, if it is still there; else the first. Undefined: there is one only, which needs no name. */
export function chooseIndexer(names: readonly string[], before: string | null): string | undefined {
  if (names.length < 2) return undefined;
  return before !== null && names.includes(before) ? before : names[0];
}

/** A path of the API with the indexer that it is about. */
export function pathOf(path: string, indexer: string | undefined): string {
  if (indexer === undefined) return path;
  return `${path}${path.includes("?") ? "&" : "?"}indexer=${encodeURIComponent(indexer)}`;
}
