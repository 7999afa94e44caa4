import type { IndexersReport } from "../openapi/reports.ts";
import { chooseIndexer } from "../view/indexer.ts";

const KEY = "slabmend-indexer";

type Indexer = IndexersReport["indexers"][number];

let indexers: readonly Indexer[] = [];
let chosen: string | undefined;

/** Called before anything is drawn. If the server does not answer, the console assumes a single indexer. */
export async function readIndexers(): Promise<void> {
  const response = await fetch("/api/v1/indexers", { cache: "no-store" }).catch(() => undefined);
  if (response?.ok !== true) return;
  indexers = ((await response.json()) as IndexersReport).indexers;
  chosen = chooseIndexer(
    indexers.map(({ name }) => name),
    sessionStorage.getItem(KEY),
  );
}

/** The indexers of the server at the time when the page was opened. */
export const allIndexers = (): readonly Indexer[] => indexers;

/** Undefined if there is only one indexer. */
export const chosenIndexer = (): string | undefined => chosen;

/** Reloads the page, because all of it shows one indexer. */
export function showIndexer(name: string): void {
  sessionStorage.setItem(KEY, name);
  location.reload();
}
