/**
 * Judges what the database's properties mean for the fleet. Pure: the table test is test/cli/judge-database.test.ts.
 */
import type { DatabaseUrl } from "../../../config/database-url.ts";
import {
  type SessionSettings,
  wrongSessionSettings,
  wrongSettings,
} from "../../../database/client/session-settings.ts";
import { nameSome } from "../../../database/schema/assert-fleet-may-work.ts";
import {
  connectionLimit,
  LEFT_FOR_INDEXD,
  ROLE_TIMEOUTS,
} from "../../../database/schema/grant-statements.ts";
import type { PrivilegeGaps } from "../../../database/schema/missing-privileges.ts";
import type { ServerFacts } from "../../../database/schema/read-server-facts.ts";
import { type Check, failure, ok, warning } from "./check.ts";

/** indexd requires PostgreSQL 18, but all of slabmend's statements run on 15 too. */
const LEAST_VERSION = 150_000;

export function judgeVersion({ versionNumber }: ServerFacts): Check {
  const text = `PostgreSQL ${Math.floor(versionNumber / 10_000)}.${versionNumber % 10_000}`;
  return versionNumber >= LEAST_VERSION
    ? ok("postgresql", text)
    : failure("postgresql", `${text}, expected 15 or newer`, "Upgrade it; indexd itself requires 18.");
}

export function judgeEncryption(facts: ServerFacts, database: DatabaseUrl): Check {
  if (database.tls === "verified") return ok("tls", "encrypted, and the certificate is checked");
  if (!facts.isEncrypted && database.tls === "none")
    return ok("tls", "not encrypted; the host is not public");
  return warning(
    "tls",
    "encrypted, but the server's certificate is not checked",
    "Use sslmode=verify-full in SLABMEND_DATABASE_URL.",
  );
}

/**
 * From how large a difference of the clocks doctor warns, and from how large a difference it reports a failure. Both
 * limits are well below the validity of the tokens that workers sign (5 minutes) and of hosts' prices (30 minutes).
 */
const SKEW_WARNING_MS = 5_000;
const SKEW_FAILURE_MS = 60_000;

/** @param uncertainMs half the duration of the query that read the server's clock */
export function judgeClock(skewMs: number, uncertainMs: number): Check {
  const text = `${Math.round(Math.abs(skewMs))} ms ${skewMs < 0 ? "behind" : "ahead of"} this machine's`;
  const least = Math.abs(skewMs) - uncertainMs;
  const remedy =
    "Synchronise both clocks (NTP). Leases are timed by the database's clock, tokens and prices by the worker's clock.";
  if (least > SKEW_FAILURE_MS) return failure("clock", `the database's clock is ${text}`, remedy);
  if (least > SKEW_WARNING_MS) return warning("clock", `the database's clock is ${text}`, remedy);
  return ok(
    "clock",
    `the database's clock agrees with this machine's clock within ${Math.ceil(Math.abs(skewMs) + uncertainMs)} ms`,
  );
}

const GRANT = "As the owner of the database, apply the output of `slabmend grant`.";

export function judgePrivileges(
  { role }: ServerFacts,
  gaps: Pick<PrivilegeGaps, "missing" | "missingOfVersion" | "excessive">,
): Check {
  if (gaps.missing.length > 0) {
    return failure("privileges", `role ${role} may not ${nameSome(gaps.missing)}`, GRANT);
  }
  if (gaps.missingOfVersion.length > 0) {
    return warning(
      "privileges",
      `indexd was upgraded, and role ${role} may not yet ${nameSome(gaps.missingOfVersion)}. Until it may, slabmend leases slabs that indexd gave up on, and leaves recovery windows open`,
      GRANT,
    );
  }
  if (gaps.excessive.length > 0) {
    return warning(
      "privileges",
      `role ${role} may do more than the fleet needs: ${gaps.excessive.join(", ")}`,
      `${GRANT} Give workers the URL of the role that it creates; use the present role only for init and uninstall.`,
    );
  }
  return ok("privileges", `role ${role} has the fleet's privileges and no risky ones beyond them`);
}

export function judgeTimeouts({ role, timeouts }: ServerFacts): Check {
  const unset = Object.keys(ROLE_TIMEOUTS).filter((name) => timeouts[name as keyof typeof timeouts] === "0");
  return unset.length === 0
    ? ok(
        "timeouts",
        `${Object.entries(timeouts)
          .map(([name, value]) => `${name} ${value}`)
          .join(", ")}`,
      )
    : warning(
        "timeouts",
        `role ${role} has no ${unset.join(", ")}: a worker that stops in mid-transaction would block indexd`,
        GRANT,
      );
}

export function judgeSettings(settings: SessionSettings): Check {
  const wrong = wrongSettings(settings);
  return wrong.length === 0
    ? ok(
        "settings",
        "isolation level, bytea format, triggers and search path are as the statements need them",
      )
    : failure("settings", wrong.join("; "), wrongSessionSettings(wrong).remedy);
}

export function judgeWrites({ takesWrites, isReplica }: ServerFacts): Check {
  if (takesWrites) return ok("writes", "the database accepts writes");
  return failure(
    "writes",
    isReplica
      ? "the server is a replica, or the old primary of a failover: it accepts no writes"
      : "default_transaction_read_only is on: the database accepts no writes",
    isReplica
      ? "Use the primary's URL; after a failover, check which server the host name points to."
      : "Turn it off for this role or database; providers of hosted databases turn it on when the disk is full.",
  );
}

export function judgeConnections(facts: ServerFacts, concurrency: number): Check {
  const { roleConnectionLimit: limit, maxConnections, reservedConnections } = facts;
  const others = Math.max(facts.otherConnections, LEFT_FOR_INDEXD);
  const room = maxConnections - reservedConnections - others;
  const wanted = connectionLimit(concurrency);
  const counts = `max_connections ${maxConnections}, ${reservedConnections} reserved, ${others} for others: ${room} left`;
  if (limit < 0 && wanted <= room) {
    return warning(
      "connections",
      `${counts}, ${wanted} needed for ${concurrency} simultaneous repairs, but role ${facts.role} has no limit`,
      `${GRANT} The role's CONNECTION LIMIT keeps connections free for indexd.`,
    );
  }
  if (limit >= 0 && limit < wanted) {
    return warning(
      "connections",
      `role ${facts.role} may have ${limit} connections, expected ${wanted} for ${concurrency} simultaneous repairs`,
      `Run slabmend grant --concurrency ${concurrency} and apply its output, or lower the concurrency.`,
    );
  }
  const most = limit < 0 ? wanted : limit;
  if (most > room) {
    return failure(
      "connections",
      `${counts}, but the fleet may use ${most} connections`,
      "Raise max_connections, lower the concurrency and the role's CONNECTION LIMIT, or use a pooler in transaction mode.",
    );
  }
  return ok("connections", `${counts}, at most ${most} for the fleet`);
}

/** @param isPooled whether one server process served two connections */
export function describePooler(facts: ServerFacts, database: DatabaseUrl, isPooled: boolean): Check {
  if (isPooled) {
    return ok(
      "pooler",
      "a pooler in transaction mode: two connections shared one server process. That is fine: workers keep no session state, and the role's settings still apply; the pool's size limits the connections to the server",
    );
  }
  return facts.serverPort === undefined || facts.serverPort === database.port
    ? ok(
        "pooler",
        "none seen: each connection has its own server process; a pooler in transaction mode would work too",
      )
    : warning(
        "pooler",
        `a server on port ${facts.serverPort} answers on port ${database.port}, and each connection has its own server process: a forwarded port, or a pooler in session mode`,
        "A forwarded port is fine. A pooler should use transaction mode (pool_mode = transaction): session mode saves no connections.",
      );
}
