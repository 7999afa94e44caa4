import { type Clock, systemClock } from "../../clock/clock.ts";
import { sleep } from "../../clock/sleep.ts";
import { READ_ONLY, readOnlyServer } from "./read-only-server.ts";
import { StoreError } from "./store-error.ts";

/** Whether a database failure is worth a retry. */
export type DatabaseFailure =
  /** Rolled back because of another transaction; PostgreSQL asks to retry. */
  | "conflict"
  /** The connection was lost or could not be made: the statement may or may not have happened. */
  | "connection-lost"
  /**
   * The server is read-only, so the statement did not happen. After a failover a new connection may reach the new
   * primary.
   */
  | "read-only"
  /** A bug, a missing privilege, a full disk: a retry changes nothing. */
  | "permanent";

/** docs/protocol.md#locks-isolation-retries: serialization failure, deadlock, lock not available. */
const CONFLICTS = new Set(["40001", "40P01", "55P03"]);

/**
 * In this order: SQLSTATE class 08 (connection exceptions); the codes of a server that shuts down, starts, or ends an
 * idle session; too many connections (the connections of killed workers still count against a role's limit); codes of
 * the client library; codes of the socket and of DNS, because a name may be missing for a moment while its record
 * changes. CONNECTION_DESTROYED means that the driver was discarded with its lost connection. CONNECTION_ENDED is not
 * included: we ended the client, and it never connects again.
 */
const CONNECTION_LOST = new RegExp(
  "^(08...|57P0[1235]|53300|CONNECTION_CLOSED|CONNECTION_DESTROYED|CONNECT_TIMEOUT" +
    "|E(CONNREFUSED|CONNRESET|PIPE|TIMEDOUT|HOSTUNREACH|NETUNREACH|AI_AGAIN|NOTFOUND))$",
);

export function classifyDatabaseFailure(error: unknown): DatabaseFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (CONFLICTS.has(code)) return "conflict";
  if (code === READ_ONLY) return "read-only";
  return CONNECTION_LOST.test(code) ? "connection-lost" : "permanent";
}

export interface RetryOptions {
  readonly clock?: Clock;
  readonly random?: () => number;
  /** After this many conflicts there is no further attempt. */
  readonly maxAttempts?: number;
  /** After this many lost connections there is no further attempt. For work that is not idempotent: 1. */
  readonly maxConnectionAttempts?: number;
  readonly signal?: AbortSignal;
}

/** With the pauses below, all attempts take about 10 s in total; each one that ends by lock_timeout adds 3 s. */
const DEFAULT_MAX_ATTEMPTS = 14;
const DEFAULT_MAX_CONNECTION_ATTEMPTS = 6;
const FIRST_SLEEP_MS = 3;
/** indexd pauses for up to 15 s. We pause less: a worker's time costs money, and its lease lasts only two minutes. */
const LONGEST_SLEEP_MS = 2_000;
/** A database that restarts needs seconds, not milliseconds. */
const FIRST_CONNECTION_SLEEP_MS = 100;

/** For work that the next run of claim or reap repeats anyway: a run has one minute in total. */
export const BRIEFLY: RetryOptions = { maxAttempts: 4, maxConnectionAttempts: 3 };
/** For work that is not idempotent: retries after a conflict, which wrote nothing, but not after an answer was lost. */
export const ONLY_CONFLICTS: RetryOptions = { ...BRIEFLY, maxConnectionAttempts: 1 };

/**
 * Milliseconds to wait after failed attempt `attempt` (1 = first), plus up to half as many at random, to spread callers
 * out.
 */
export function retryDelayMs(
  failure: "conflict" | "connection-lost",
  attempt: number,
  random: number,
): number {
  const first = failure === "conflict" ? FIRST_SLEEP_MS : FIRST_CONNECTION_SLEEP_MS;
  return Math.min(first * 2 ** (attempt - 1), LONGEST_SLEEP_MS) * (1 + random / 2);
}

/**
 * Runs `work` until it succeeds. If lost connections are retried, `work` must be idempotent: a statement whose answer
 * was lost may have happened. A read-only server is not retried here: DeadlineClient does that with a new
 * connection.
 * @throws {StoreError} `retries-exhausted`, `fate-unknown` or `read-only-server`; a permanent failure is rethrown
 * unchanged.
 */
export async function retryTransaction<Result>(
  what: string,
  work: (attempt: number) => Promise<Result>,
  options: RetryOptions = {},
): Promise<Result> {
  const { clock = systemClock, random = Math.random, signal } = options;
  const most = {
    conflict: options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS,
    "connection-lost": options.maxConnectionAttempts ?? DEFAULT_MAX_CONNECTION_ATTEMPTS,
  };
  const failures = { conflict: 0, "connection-lost": 0 };
  for (let attempt = 1; ; attempt += 1) {
    signal?.throwIfAborted();
    try {
      return await work(attempt);
    } catch (cause) {
      const failure = classifyDatabaseFailure(cause);
      if (failure === "permanent") throw cause;
      if (failure === "read-only") throw readOnlyServer(what, cause);
      failures[failure] += 1;
      if (failures[failure] >= most[failure]) throw exhausted(what, failure, attempt, cause);
      await sleep(clock, retryDelayMs(failure, failures[failure], random()), signal);
    }
  }
}

function exhausted(
  what: string,
  failure: "conflict" | "connection-lost",
  attempts: number,
  cause: unknown,
): StoreError {
  return failure === "conflict"
    ? new StoreError({
        code: "retries-exhausted",
        message: `${what}: expected to commit, but ${attempts} attempts ran into other transactions`,
        remedy: "Look for long transactions on these slabs, sectors or hosts.",
        details: { attempts },
        cause,
      })
    : new StoreError({
        code: "fate-unknown",
        message: `${what}: the connection was lost ${attempts} times before the answer came`,
        remedy:
          "Check whether the database is up. A repair was committed if slabmend.journal has a row with its token.",
        details: { attempts },
        cause,
      });
}
