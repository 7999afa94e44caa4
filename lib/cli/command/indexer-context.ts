import type { ConfiguredIndexer } from "../../config/indexer-files.ts";
import { type CommandContext, withVariables } from "./command-context.ts";

/** The context as the indexer's own file has it. --database-url goes over it: an owner's URL is in no file of a fleet. */
export function contextOf(
  context: CommandContext,
  { environment, ownNames }: ConfiguredIndexer,
): CommandContext {
  if (ownNames === undefined) return context;
  const { SLABMEND_DATABASE_URL: own, ...others } = environment;
  const isGiven = context.databaseUrl?.reveal() !== context.variables["SLABMEND_DATABASE_URL"];
  return withVariables(context, isGiven || own === undefined ? others : environment);
}
