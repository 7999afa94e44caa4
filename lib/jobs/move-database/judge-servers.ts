/** Checks both servers, and the pg_dump that will read the source's schema. Pure. */
import type { MoveServer } from "../../database/move/read-move-server.ts";
import { failure, type MoveFinding, ok } from "./move-finding.ts";

/** The oldest version of PostgreSQL with which a move was tested; indexd itself requires 18. */
const OLDEST = 17;

/** The clocks are read within seconds of each other. Workers refuse a difference of two minutes: lib/clock/clock-check.ts. */
const MOST_CLOCK_DIFFERENCE_MS = 60_000;

export const majorOf = (versionNumber: number): number => Math.floor(versionNumber / 10_000);

/** Checks versions and privileges, and that source and target are different servers. */
export function judgeServers(source: MoveServer, target: MoveServer): MoveFinding[] {
  const findings: MoveFinding[] = [];
  const from = majorOf(source.versionNumber);
  const to = majorOf(target.versionNumber);
  if (from < OLDEST || to < from) {
    findings.push(
      failure(
        "versions",
        `the source is PostgreSQL ${from}, the target ${to}: expected at least ${OLDEST}, and a target at least as new as the source`,
        "Upgrade the source in place first, or choose a newer target.",
      ),
    );
  } else findings.push(ok("versions", `PostgreSQL ${from} to ${to}`));
  for (const [name, server] of [
    ["source", source],
    ["target", target],
  ] as const) {
    if (!server.isSuperuser) {
      findings.push(
        failure(
          "rights",
          `${name}: expected a superuser, got ${server.role}`,
          "Only a superuser may read the passwords of roles, publish all tables, and keep passwords out of the server's log: name a superuser in the URL.",
        ),
      );
    }
    if (server.isReplica) {
      findings.push(
        failure("replica", `${name}: expected a primary, got a replica`, "Name the primary in the URL."),
      );
    }
  }
  const aheadMs = target.nowMs - source.nowMs;
  if (Math.abs(aheadMs) > MOST_CLOCK_DIFFERENCE_MS) {
    findings.push(
      failure(
        "clocks",
        `the target's clock is ${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? "ahead of" : "behind"} the source's: with a wrong clock no worker would begin a repair after the switch`,
        "Synchronise both servers' clocks by NTP.",
      ),
    );
  }
  if (source.systemIdentifier === target.systemIdentifier && source.databaseOid === target.databaseOid) {
    findings.push(
      failure(
        "same-database",
        "source and target are the same database",
        "Name the new database in SLABMEND_TARGET_DATABASE_URL.",
      ),
    );
  } else if (source.systemIdentifier === target.systemIdentifier) {
    findings.push(
      failure(
        "same-server",
        "source and target are databases of the same server: its roles cannot be kept out of one database and let into the other",
        "Choose a target on another server. On the same server, rename or copy the database instead.",
      ),
    );
  }
  return findings;
}

/** @param pgDump the major version of pg_dump; a string: the reason why there is no version */
export function judgePgDump(source: MoveServer, target: MoveServer, pgDump: number | string): MoveFinding[] {
  const needed = Math.max(majorOf(source.versionNumber), majorOf(target.versionNumber));
  const remedy = `Install the client programs of PostgreSQL ${needed} on this machine, and give the path of pg_dump: --pg-dump /path/to/pg_dump.`;
  if (typeof pgDump === "string")
    return [failure("pg-dump", `pg_dump: expected version ${needed} or newer, got ${pgDump}`, remedy)];
  if (pgDump < needed)
    return [failure("pg-dump", `pg_dump: expected version ${needed} or newer, got ${pgDump}`, remedy)];
  return [ok("pg-dump", `pg_dump ${pgDump}`)];
}
