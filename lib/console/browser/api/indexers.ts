import type { IndexersReport } from "../openapi/reports.ts";
import { chooseIndexer } from "../view/indexer.ts";

const KEY = "slabmend-indexer";

type Indexer = IndexersReport["indexers"][number];

let indexers: readonly Indexer[] = [];
let chosen: string | undefined;

/** Before anything is drawn. A server that does not answer is asked about the only indexer that it may have. */
export async function readIndexers(): Promise<void> {
  const response = await fetch("/api/v1/indexers", { cache: "no-store" }).catch(() => undefined);
  if (response?.ok !== true) return;
  indexers = ((await response.json()) as IndexersReport).indexers;
  chosen = chooseIndexer(
    indexers.map(({ name }) => name),
    sessionStorage.getItem(KEY),
  );
}

/** As the server said when the page was opened. */
export const allIndexers = (): readonly Indexer[] => indexers;

/** Undefined: there is one only. */
export const chosenIndexer = (): string | undefined => chosen;

/** Everything on the page is of one indexer, so the page begins again. */
export function showIndexer(name: string): void {
  sessionStorage.setItem(KEY, name);
  location.reload();
}
