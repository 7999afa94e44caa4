import type { ConfiguredIndexer } from "../../config/indexer-files.ts";
import { type CommandContext, withVariables } from "./command-context.ts";

/**
 * The context with the variables of the indexer's file. --database-url overrides the file's URL, because some commands
 * need the URL of the database's owner, which is not in the files.
 */
export function contextOf(
  context: CommandContext,
  { environment, ownNames }: ConfiguredIndexer,
): CommandContext {
  if (ownNames === undefined) return context;
  const { SLABMEND_DATABASE_URL: own, ...others } = environment;
  const isGiven = context.databaseUrl?.reveal() !== context.variables["SLABMEND_DATABASE_URL"];
  return withVariables(context, isGiven || own === undefined ? others : environment);
}
