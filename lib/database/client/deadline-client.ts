import postgres, { type Sql } from "postgres";
import type { Clock } from "../../clock/clock.ts";
import { sleep } from "../../clock/sleep.ts";
import { isReadOnlyServer, readOnlyServer } from "./read-only-server.ts";
import { classifyDatabaseFailure, retryDelayMs } from "./retry-transaction.ts";
import { StoreError } from "./store-error.ts";

/** Longer than the role's statement_timeout of 15 s: a server silent for this long is treated as gone. */
export const ANSWER_MS = 20_000;

/** A client of the database with a deadline for every call. */
export interface DeadlineClient {
  /**
   * Runs statements on the client. If no answer comes in time, the client's connection is dropped and the next call
   * opens a new one: after a failover the old server is silent, and TCP would wait for a quarter of an hour. Other
   * calls waiting on the dropped connection fail in the same way.
   *
   * A connection to a server that has become read-only is dropped too. The write that this server refused did not
   * happen, so `statements` run again on a new connection while time is left. Writes before the refused one then run
   * twice: they must be idempotent.
   * @throws {StoreError} `no-answer`: the statement may or may not have happened; `read-only-server`: it did not happen
   */
  run<Result>(limitMs: number, statements: (sql: Sql) => Promise<Result>): Promise<Result>;
  /**
   * Like `run`, for idempotent statements: retried once on a new connection if no answer came in time, and several
   * times after lost connections, with growing pauses. `limitMs` applies to each run.
   */
  runIdempotent<Result>(limitMs: number, statements: (sql: Sql) => Promise<Result>): Promise<Result>;
  /** Waits at most `limitMs` for the server to close the connection. */
  end(limitMs?: number): Promise<void>;
}

const TAKE_LEAVE_MS = 5_000;
/** Pauses before the new connections that follow a read-only one: the name may still resolve to the old primary. */
const NEW_CONNECTION_SLEEPS_MS = [0, 500, 1_000, 2_000, 2_000, 2_000];

export function createDeadlineClient(options: {
  readonly connect: () => Sql;
  readonly clock: Clock;
}): DeadlineClient {
  const { connect, clock } = options;
  let sql = connect();
  const givenUp = new WeakSet<Sql>();
  const ending = new Set<Promise<void>>();

  const giveUp = (silent: Sql): void => {
    if (givenUp.has(silent)) return;
    givenUp.add(silent);
    sql = connect();
    const end = silent.end({ timeout: 0 }).finally(() => ending.delete(end));
    ending.add(end);
  };

  const run: DeadlineClient["run"] = async (limitMs, statements) => {
    const endsAtMs = clock.now() + limitMs;
    let current = sql;
    // Rejects at the deadline, so that `statements` is not awaited any longer: if `statements` is pausing between two
    // attempts, it does not notice that its client was dropped.
    const silence = Promise.withResolvers<never>();
    const cancel = clock.after(limitMs, () => {
      giveUp(current);
      silence.reject(noAnswer(limitMs));
    });
    try {
      for (let attempt = 0; ; attempt += 1) {
        current = sql;
        try {
          return await Promise.race([statements(current), silence.promise]);
        } catch (cause) {
          if (!isReadOnlyServer(cause)) {
            const isAnswer = cause instanceof postgres.PostgresError || !givenUp.has(current);
            throw isAnswer || isNoAnswer(cause) ? cause : noAnswer(limitMs, cause);
          }
          giveUp(current);
          const sleepMs = NEW_CONNECTION_SLEEPS_MS[attempt] ?? Number.POSITIVE_INFINITY;
          if (clock.now() + sleepMs >= endsAtMs) throw asReadOnly(cause);
          if (sleepMs > 0) await sleep(clock, sleepMs);
        }
      }
    } finally {
      cancel();
    }
  };

  return {
    run,
    runIdempotent: (limitMs, statements) =>
      again(clock, Number.POSITIVE_INFINITY, () => run(limitMs, statements)),
    async end(limitMs = TAKE_LEAVE_MS) {
      await Promise.allSettled([...ending, sql.end({ timeout: limitMs / 1_000 })]);
    },
  };
}

/** Six attempts take about four seconds with their pauses: a server that restarts quickly is back by then. */
const MOST_LOSSES = 6;

/**
 * Runs idempotent statements until there is an answer: one retry if none came in time, several after lost connections.
 * @param endsAtMs no pause starts that would end after this time
 */
async function again<Result>(clock: Clock, endsAtMs: number, run: () => Promise<Result>): Promise<Result> {
  let silences = 0;
  let losses = 0;
  for (;;) {
    try {
      return await run();
    } catch (error) {
      let pauseMs = 0;
      if (isNoAnswer(error)) {
        silences += 1;
        if (silences > 1) throw error;
      } else {
        losses += 1;
        if (classifyDatabaseFailure(error) !== "connection-lost" || losses >= MOST_LOSSES) throw error;
        pauseMs = retryDelayMs("connection-lost", losses, Math.random());
      }
      if (clock.now() + pauseMs >= endsAtMs) throw error;
      if (pauseMs > 0) await sleep(clock, pauseMs);
    }
  }
}

export interface AskOptions {
  /** Retry if no answer came in time, or the connection was lost. */
  readonly isIdempotent?: boolean;
  /** Default: {@link ANSWER_MS}. */
  readonly limitMs?: number;
}

/**
 * Queries the database and waits for the answer at most until the time runs out. Retries only calls that are marked as
 * idempotent, because a statement without an answer may already have happened.
 * @throws {StoreError} `no-answer`
 */
export type Ask = <Result>(
  statements: (sql: Sql) => Promise<Result>,
  options?: AskOptions,
) => Promise<Result>;

/**
 * @param endsAtMs the time, by `clock`, after which no query starts and no answer is awaited. Default: no limit.
 */
export function askWithin(
  database: DeadlineClient,
  clock: Clock,
  endsAtMs: number = Number.POSITIVE_INFINITY,
): Ask {
  return async (statements, { isIdempotent = false, limitMs: mostMs = ANSWER_MS } = {}) => {
    const once = async () => {
      const limitMs = Math.min(mostMs, endsAtMs - clock.now());
      if (limitMs <= 0) throw noAnswer(0);
      return await database.run(limitMs, statements);
    };
    return await (isIdempotent ? again(clock, endsAtMs, once) : once());
  };
}

function isNoAnswer(error: unknown): boolean {
  return error instanceof StoreError && error.code === "no-answer";
}

function asReadOnly(cause: unknown): StoreError {
  return cause instanceof StoreError ? cause : readOnlyServer("the database", cause);
}

function noAnswer(limitMs: number, cause?: unknown): StoreError {
  return new StoreError({
    code: "no-answer",
    message: `the database: expected an answer within ${limitMs} ms, got none`,
    remedy: "Check whether the database failed over or is overloaded. The connection was dropped.",
    cause,
  });
}
