import type { ISql } from "postgres";
import { type Clock, systemClock } from "../../../clock/clock.ts";
import { sleep } from "../../../clock/sleep.ts";
import { IndexdError } from "../errors.ts";
import { refusalOf } from "./refused-version.ts";
import { verifyIndexd } from "./verify-indexd.ts";

/** Raised by hold-indexd.sql: db_version is not the version last verified. */
const MOVED = "SM001";
/** Raised by hold-indexd.sql: the verified database must not be written to. */
const REFUSED = "SM002";

/**
 * How often the writer is tried: enough for an upgrade from 22 to 26, one version at a time, with a check after each.
 */
const MOST_LOOKS = 8;
/** The pause before the next try while indexd's database is at an intermediate version. */
const UPGRADING_SLEEP_MS = 1_000;

export interface VerifyOptions {
  /** The version that an operator has accepted: SLABMEND_ACCEPT_INDEXD_VERSION. */
  readonly acceptedVersion?: number | undefined;
  readonly clock?: Clock;
}

/**
 * Runs a writer of indexd's tables. If indexd was upgraded since its database was verified, the writer refuses to
 * write: then the database is verified again, and the writer runs again, by the new version's rules.
 * @param ask runs a statement
 * @throws {IndexdError} the reason why nothing may be written now
 */
export async function writeVerified<Result>(
  ask: <Answer>(statement: (sql: ISql) => Promise<Answer>) => Promise<Answer>,
  write: () => Promise<Result>,
  { acceptedVersion, clock = systemClock }: VerifyOptions = {},
): Promise<Result> {
  for (let look = 1; ; look += 1) {
    try {
      return await write();
    } catch (error) {
      const code = codeOf(error);
      if (code !== MOVED && code !== REFUSED) throw error;
      const verdict = await ask((sql) => verifyIndexd(sql, acceptedVersion));
      const refusal = refusalOf(verdict);
      if (refusal !== undefined && (code === REFUSED || look === MOST_LOOKS)) throw refusal;
      if (look === MOST_LOOKS) throw error;
      if (verdict.kind === "upgrading") await sleep(clock, UPGRADING_SLEEP_MS);
    }
  }
}

/**
 * For a writer that is not run again: translates MOVED and REFUSED into an IndexdError, and returns other errors
 * unchanged.
 */
export function explainMoved(error: unknown): unknown {
  const code = codeOf(error);
  if (code !== MOVED && code !== REFUSED) return error;
  return new IndexdError({
    code: "indexd-moved",
    message: (error as Error).message,
    remedy:
      "Nothing was written. The next run of claim or reap verifies the database again and reports details.",
    cause: error,
  });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
