import type { ConfiguredIndexer } from "../../../config/indexer-files.ts";
import { readLifecycle } from "../../../database/lifecycle/lifecycle.ts";
import { reportSeen, reportUnknown } from "../../../lifecycle/report-indexers.ts";
import type { IndexerReport } from "../../../reports/indexers-schema.ts";
import type { CommandContext } from "../../command/command-context.ts";
import { contextOf } from "../../command/indexer-context.ts";
import { withDatabase } from "../../command/open-database.ts";
import { describeFailure } from "../../command/report-failure.ts";

/**
 * Time limit for the database of each indexer, so that a database that does not answer cannot delay the list for long.
 */
const LIMIT_MS = 8_000;

/** Reads the indexer's state from its database, or reports why that failed. */
export async function readIndexer(
  context: CommandContext,
  indexer: ConfiguredIndexer,
): Promise<IndexerReport> {
  const { name } = indexer;
  const { signal } = context.io;
  try {
    const own = contextOf(context, indexer);
    return await withDatabase(own, { needs: "any" }, async (ask) =>
      reportSeen(name, await ask(readLifecycle, { limitMs: LIMIT_MS })),
    );
  } catch (error) {
    signal.throwIfAborted();
    return reportUnknown(name, describeFailure(error, signal));
  }
}
