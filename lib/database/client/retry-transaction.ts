import { type Clock, systemClock } from "../../clock/clock.ts";
import { sleep } from "../../clock/sleep.ts";
import { READ_ONLY, readOnlyServer } from "./read-only-server.ts";
import { StoreError } from "./store-error.ts";

/** What a failure of the database says about trying again. */
export type DatabaseFailure =
  /** Rolled back because of somebody else; trying again is what PostgreSQL asks for. */
  | "conflict"
  /** The connection is gone, or none was to be had: the statement may or may not have happened. */
  | "connection-lost"
  /** A failover's old primary: it did not happen, and on a new connection it may. */
  | "read-only"
  /** A bug, a refused right, a full disk: trying again changes nothing. */
  | "permanent";

/** docs/protocol.md#locks-isolation-retries: serialization failure, deadlock, lock not available. */
const CONFLICTS = new Set(["40001", "40P01", "55P03"]);

/**
 * Class 08, the server going down, coming up or ending an idle session, and too many connections (a role at its limit,
 * while those of killed workers linger); then the client library's and the socket's own codes, and those of the DNS, which
 * knows no name for a moment while it changes. CONNECTION_DESTROYED: the driver was put away with its lost connection.
 * CONNECTION_ENDED is none of them: the client was put away by us, and never connects again.
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
  /** Tries after a conflict, the first one included. */
  readonly maxAttempts?: number;
  /** Tries after a lost connection, the first one included. 1: what is not idempotent is not tried again. */
  readonly maxConnectionAttempts?: number;
  readonly signal?: AbortSignal;
}

/** With the sleeps below about 10 s in all; behind a lock_timeout of 3 s more. */
const DEFAULT_MAX_ATTEMPTS = 14;
const DEFAULT_MAX_CONNECTION_ATTEMPTS = 6;
const FIRST_SLEEP_MS = 3;
/** indexd waits up to 15 s; a worker pays for its time, and its lease lasts two minutes. */
const LONGEST_SLEEP_MS = 2_000;
/** A database that restarts needs seconds, not milliseconds. */
const FIRST_CONNECTION_SLEEP_MS = 100;

/** For what the next run of claim or reap does anyway: there is a minute for everything. */
export const BRIEFLY: RetryOptions = { maxAttempts: 4, maxConnectionAttempts: 3 };
/** The same for what is not idempotent: a conflict was rolled back, of a lost answer nobody knows. */
export const ONLY_CONFLICTS: RetryOptions = { ...BRIEFLY, maxConnectionAttempts: 1 };

/** Milliseconds to wait after the given failed attempt (1 = first), jittered by up to half so that rivals part. */
export function retryDelayMs(
  failure: "conflict" | "connection-lost",
  attempt: number,
  random: number,
): number {
  const first = failure === "conflict" ? FIRST_SLEEP_MS : FIRST_CONNECTION_SLEEP_MS;
  return Math.min(first * 2 ** (attempt - 1), LONGEST_SLEEP_MS) * (1 + random / 2);
}

/**
 * Runs `work` until it succeeds. `work` must be idempotent if lost connections are to be tried again: the statement
 * whose answer was lost may have happened. On a read-only server it is not tried again: DeadlineClient does, with a new
 * connection.
 * @throws {StoreError} `retries-exhausted`, `fate-unknown` or `read-only-server`; any permanent failure as it is.
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
        remedy: "Look for long transactions on the slabs, sectors or hosts concerned.",
        details: { attempts },
        cause,
      })
    : new StoreError({
        code: "fate-unknown",
        message: `${what}: the connection was lost ${attempts} times before the answer came`,
        remedy: "Look whether the database is up; journal.token tells whether a commit happened.",
        details: { attempts },
        cause,
      });
}
