/** Changes an indexer's mode as the operator asked. */
import { hostname, userInfo } from "node:os";
import { OperatorError } from "../../../errors/operator-error.ts";
import type { IndexerReport } from "../../../reports/indexers-schema.ts";
import { modeInWords } from "../../../reports/mode.ts";
import type { CommandContext } from "../../command/command-context.ts";
import { findIndexer } from "../../command/find-indexer.ts";
import { contextOf } from "../../command/indexer-context.ts";
import { withDatabase } from "../../command/open-database.ts";

type Work<Result> = Parameters<typeof withDatabase<Result>>[2];

/** Works for a failing indexer too: it needs only the indexer's row. */
export async function change<Result>(
  context: CommandContext,
  name: string | undefined,
  work: Work<Result>,
): Promise<{ readonly name: string; readonly result: Result }> {
  const indexer = findIndexer(context.variables, name);
  const own = contextOf(context, indexer);
  return { name: indexer.name, result: await withDatabase(own, { needs: "any" }, work) };
}

export const operator = (): string => `${userInfo().username}@${hostname()}`;

export function notNow(
  indexer: string,
  wanted: "suspended" | "running" | "deleting",
  got: NonNullable<IndexerReport["mode"]>["kind"],
): OperatorError {
  const isMaintenance = got === "maintenance";
  return new OperatorError({
    code: isMaintenance ? "fleet-in-maintenance" : "fleet-being-deleted",
    message: `indexer ${indexer}: expected to set it ${wanted}, but it is ${modeInWords(got)}; nothing was changed`,
    remedy: isMaintenance
      ? "Wait for the maintenance run to end, or cancel it: slabmend maintenance cancel."
      : "An indexer that is being deleted cannot be suspended or resumed; slabmend indexers delete completes the deletion.",
  });
}
