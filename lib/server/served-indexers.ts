/** The indexers of a server. Finds the indexer that a request is for: `?indexer=NAME`, or the only indexer. */
import type { IndexerReport } from "../reports/indexers-schema.ts";
import type { OpenIndexer } from "./open-indexer.ts";
import { joinReadiness, type Readiness } from "./readiness.ts";
import { ServerError } from "./server-error.ts";

export type ServedIndexer = Pick<OpenIndexer, "api" | "events" | "readReadiness">;

export class ServedIndexers {
  readonly #all: () => ReadonlyMap<string, ServedIndexer>;
  readonly #report: () => readonly IndexerReport[];

  /**
   * @param all the current indexers by name
   * @param report the supervisor's report on the indexers; an empty list while the supervisor is silent
   */
  constructor(all: () => ReadonlyMap<string, ServedIndexer>, report: () => readonly IndexerReport[]) {
    this.#all = all;
    this.#report = report;
  }

  report(): readonly IndexerReport[] {
    return this.#report();
  }

  /**
   * @param name from the query; undefined: the only indexer
   * @throws {ServerError} `indexer-missing`, `no-such-indexer`
   */
  find(name: unknown): ServedIndexer {
    const all = this.#all();
    const names = [...all.keys()].toSorted();
    // A wrongly configured indexer is not served, but it counts as an indexer of this server: as soon as there are two,
    // every request must name an indexer.
    const isOnlyOne = all.size === 1 && this.#report().length <= 1;
    if (name === undefined && isOnlyOne) return all.get(names[0]!)!;
    const found = typeof name === "string" ? all.get(name) : undefined;
    if (found !== undefined) return found;
    const got = name === undefined ? "none" : JSON.stringify(String(name).slice(0, 40));
    throw new ServerError({
      status: name === undefined ? 400 : 404,
      code: name === undefined ? "indexer-missing" : "no-such-indexer",
      name: "query, indexer",
      expected:
        names.length === 0
          ? "the name of an indexer (this server has no indexer yet)"
          : `one of ${names.join(", ")}`,
      got,
      remedy: "Choose a name from GET /api/v1/indexers and add ?indexer=NAME.",
    });
  }

  closeEvents(): void {
    for (const { events } of this.#all().values()) events.close();
  }

  get streams(): number {
    return [...this.#all().values()].reduce((sum, { events }) => sum + events.clients, 0);
  }

  /** @param name undefined: all indexers */
  async readReadiness(name: unknown): Promise<Readiness> {
    if (name !== undefined) return await this.find(name).readReadiness();
    const all = [...this.#all()].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const read = all.map(async ([one, { readReadiness }]) => [one, await readReadiness()] as const);
    return joinReadiness(new Map(await Promise.all(read)));
  }
}
