import type { Sql } from "postgres";
import type { Clock } from "../clock/clock.ts";
import { StoreError } from "./store-error.ts";

/** A client of the database that does not wait for ever for an answer. */
export interface AnsweringDatabase {
  /**
   * Runs statements on the client. Without an answer in time its connection is dropped, and the next call gets a new
   * one: after a failover the old server is gone without a word, and TCP would wait for a quarter of an hour.
   * @throws {StoreError} `no-answer`: the statement may or may not have happened
   */
  run<Result>(limitMs: number, statements: (sql: Sql) => Promise<Result>): Promise<Result>;
  /** Like `run`, and once more on a new connection: for what is idempotent. */
  runAgain<Result>(limitMs: number, statements: (sql: Sql) => Promise<Result>): Promise<Result>;
  end(): Promise<void>;
}

export function createAnsweringDatabase(options: {
  readonly connect: () => Sql;
  readonly clock: Clock;
}): AnsweringDatabase {
  const { connect, clock } = options;
  let sql = connect();
  const dropped: Promise<void>[] = [];

  const run: AnsweringDatabase["run"] = async (limitMs, statements) => {
    const current = sql;
    let isSilent = false;
    const cancel = clock.after(limitMs, () => {
      isSilent = true;
      if (sql === current) sql = connect();
      dropped.push(current.end({ timeout: 0 }));
    });
    try {
      return await statements(current);
    } catch (cause) {
      throw isSilent ? noAnswer(limitMs, cause) : cause;
    } finally {
      cancel();
    }
  };

  return {
    run,
    async runAgain(limitMs, statements) {
      try {
        return await run(limitMs, statements);
      } catch (error) {
        if (!(error instanceof StoreError && error.code === "no-answer")) throw error;
        return await run(limitMs, statements);
      }
    },
    async end() {
      await Promise.allSettled([...dropped, sql.end({ timeout: 5 })]);
    },
  };
}

function noAnswer(limitMs: number, cause: unknown): StoreError {
  return new StoreError({
    code: "no-answer",
    message: `the database: expected an answer within ${limitMs} ms, got none`,
    remedy: "Look whether it failed over or is overloaded; the connection was dropped.",
    cause,
  });
}
