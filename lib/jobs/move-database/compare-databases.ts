import {
  readDigest,
  readSequences,
  readTableColumns,
  setSequences,
  type TableColumns,
} from "../../database/move/compare-contents.ts";
import { MoveError } from "../../database/move/move-error.ts";
import { withoutTimeouts } from "../../database/move/without-timeouts.ts";
import { IDEMPOTENT, LONG, type MoveDependencies } from "./move-dependencies.ts";

export interface Comparison {
  readonly comparedRows: number;
  readonly comparedTables: number;
  readonly sequences: number;
}

/**
 * Runs while the source is closed and the target has caught up: sets the sequences, which are not replicated, analyzes
 * the target's tables, and compares each table of the target with the source's.
 * @throws {MoveError} `contents-differ`
 */
export async function compareDatabases(deps: MoveDependencies, run: bigint): Promise<Comparison> {
  const sequences = await deps.source(readSequences, IDEMPOTENT);
  await deps.step?.("sequences read");
  await deps.target((sql) => setSequences(sql, sequences, run), IDEMPOTENT);
  await deps.step?.("sequences set");
  const tables = await deps.source(readTableColumns, IDEMPOTENT);
  const options = { ...LONG, ...IDEMPOTENT };
  const readAll = async (ask: MoveDependencies["source"]) => {
    const digests = [];
    for (const table of tables) {
      digests.push(await ask((sql) => readDigest(sql, table, ownRow(table, run)), options));
    }
    return digests;
  };
  const [ours, theirs] = await Promise.all([
    readAll(deps.source),
    (async () => {
      await deps.target((sql) => withoutTimeouts(sql, (tx) => tx.unsafe("analyze")), options);
      return await readAll(deps.target);
    })(),
  ]);
  const differing = tables.filter((_, index) => {
    const [a, b] = [ours[index]!, theirs[index]!];
    return a.rows !== b.rows || a.sum !== b.sum || a.xor !== b.xor;
  });
  if (differing.length > 0) throw differ(differing);
  const comparedRows = ours.reduce((sum, { rows }) => sum + Number(rows), 0);
  return { comparedRows, comparedTables: tables.length, sequences: sequences.length };
}

/** The move's own row, which is not compared: it changes with each step, on the source only. */
const ownRow = ({ name }: TableColumns, run: bigint): string | undefined =>
  name === "slabmend.runs" ? `id = ${run}` : undefined;

function differ(tables: readonly TableColumns[]): MoveError {
  const names = tables.map(({ name }) => name);
  return new MoveError({
    code: "contents-differ",
    message: `the target: expected the same rows as in the source, got different rows in ${names.slice(0, 5).join(", ")}`,
    remedy:
      "The source is open again and unchanged. Something wrote to the target: abort, and start again with an empty database.",
    details: { tables: names.length },
  });
}
