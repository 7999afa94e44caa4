import type { TransactionSql } from "postgres";
import { explainLost } from "../../database/runs/maintenance-runs.ts";
import type { RunContext } from "../maintenance/maintenance-job.ts";
import { IDEMPOTENT, type MoveDependencies } from "./move-dependencies.ts";

/**
 * Executes statements on the source in a transaction that first locks the run's row and verifies our lease: a process
 * that was paused while another took the move over must change nothing. The statements must be idempotent.
 * @throws {RunError} `run-lease-lost`; nothing was changed
 */
export async function asHolder<Result>(
  { source }: Pick<MoveDependencies, "source">,
  { run, token }: Pick<RunContext, "run" | "token">,
  statements: (tx: TransactionSql) => Promise<Result>,
): Promise<Result> {
  const work = () =>
    source(
      (sql) =>
        sql.begin(async (tx) => {
          await tx`select from slabmend.hold_run(${String(run.id)}, ${token})`;
          return { result: await statements(tx) };
        }),
      IDEMPOTENT,
    );
  const { result } = await work().catch((cause: unknown) => {
    throw explainLost(cause, run.id);
  });
  return result as Result;
}
