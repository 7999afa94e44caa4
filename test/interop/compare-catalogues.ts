import type { Catalogue } from "./read-catalogue.ts";

/** A line that only one of the two catalogues has. */
export interface CatalogueDifference {
  readonly table: string;
  readonly onlyIn: "real" | "ours";
  readonly line: string;
}

/**
 * Lists the differences between indexd's own catalogue and our fixture's. Tables that only indexd has do not count,
 * because the fixture contains only the tables that a repair uses.
 */
export function compareCatalogues(real: Catalogue, ours: Catalogue): CatalogueDifference[] {
  return [...ours.entries()].flatMap(([table, ourLines]) => {
    const realLines = real.get(table) ?? [];
    return [
      ...linesMissingFrom(ourLines, realLines).map((line) => ({ table, onlyIn: "real" as const, line })),
      ...linesMissingFrom(realLines, ourLines).map((line) => ({ table, onlyIn: "ours" as const, line })),
    ];
  });
}

function linesMissingFrom(those: readonly string[], candidates: readonly string[]): string[] {
  const present = new Set(those);
  return candidates.filter((line) => !present.has(line));
}
