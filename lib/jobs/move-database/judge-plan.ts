/**
 * Whether a database can be moved, judged from facts about both servers: finds every reason why a later step would fail. Pure.
 */

import { MOVE } from "../../database/move/move-names.ts";
import type { MoveRoles } from "../../database/move/move-roles.ts";
import type { MoveServer } from "../../database/move/read-move-server.ts";
import type { MoveSource } from "../../database/move/read-move-source.ts";
import type { MoveTarget } from "../../database/move/read-move-target.ts";
import type { Run } from "../../database/runs/run.ts";

export interface MoveFacts {
  readonly source: MoveServer & MoveSource;
  readonly target: MoveServer & MoveTarget;
  readonly roles: MoveRoles;
  /** From `pg_dump --version`, 180001 as 18; a text: why there is none. */
  readonly pgDump: number | string;
  /** Result of the target's attempt to reach the source: subscription.ts; null: no attempt was possible. */
  readonly reach: string | null;
  /** The unfinished maintenance run. */
  readonly activeRun: Pick<Run, "id" | "kind" | "owner"> | undefined;
}

export interface MoveFinding {
  /** A stable code. */
  readonly code: string;
  readonly level: "ok" | "warning" | "failure";
  readonly says: string;
  /** Always set for a warning or a failure. */
  readonly remedy?: string;
}

/** The oldest version that was tested; indexd requires 18. */
const OLDEST = 17;
/** One permanent slot, and those for copying tables. */
const slotsNeeded = (target: MoveServer): number =>
  1 + numberOf(target, "max_sync_workers_per_subscription", 2);
const NAMED = 5;

const majorOf = (versionNumber: number): number => Math.floor(versionNumber / 10_000);

/** In the order in which an operator should fix them. */
export function judgePlan(facts: MoveFacts): readonly MoveFinding[] {
  return [
    ...judgeActiveRun(facts),
    ...judgeServers(facts),
    ...judgePgDump(facts),
    ...judgeReplication(facts),
    ...(facts.reach === null ? [] : [judgeReach(facts.reach)]),
    ...judgeContents(facts.source),
    ...judgeTarget(facts),
    ...judgeRoles(facts),
  ];
}

export const isMovable = (findings: readonly MoveFinding[]): boolean =>
  findings.every(({ level }) => level !== "failure");

const ok = (code: string, says: string): MoveFinding => ({ code, level: "ok", says });
const warning = (code: string, says: string, remedy: string): MoveFinding => ({
  code,
  level: "warning",
  says,
  remedy,
});
const failure = (code: string, says: string, remedy: string): MoveFinding => ({
  code,
  level: "failure",
  says,
  remedy,
});

function judgeActiveRun({ activeRun: run }: MoveFacts): MoveFinding[] {
  if (run === undefined) return [];
  return [
    failure(
      "run-active",
      `maintenance run ${run.id} (${run.kind}) of ${run.owner} is unfinished, and only one may be`,
      "Let it finish, or end it: slabmend maintenance cancel, of a move slabmend move-database abort.",
    ),
  ];
}

function judgeServers({ source, target }: MoveFacts): MoveFinding[] {
  const findings: MoveFinding[] = [];
  const from = majorOf(source.versionNumber);
  const to = majorOf(target.versionNumber);
  if (from < OLDEST || to < from) {
    findings.push(
      failure(
        "versions",
        `the source is PostgreSQL ${from}, the target ${to}: expected ${OLDEST} or newer, and a target that is not older`,
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
          "Passwords of roles, a publication of all tables and the log's settings require a superuser. Name one in the URL.",
        ),
      );
    }
    if (server.isReplica) {
      findings.push(
        failure("replica", `${name}: expected a primary, got a replica`, "Name the primary in the URL."),
      );
    }
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
        "source and target are databases of one server: its roles cannot be kept out of one and let into the other",
        "Choose another server. Within one, rename or copy the database.",
      ),
    );
  }
  return findings;
}

function judgePgDump({ source, target, pgDump }: MoveFacts): MoveFinding[] {
  const needed = Math.max(majorOf(source.versionNumber), majorOf(target.versionNumber));
  const remedy = `Install the client programs of PostgreSQL ${needed} on this machine, and name it: --pg-dump /path/to/pg_dump.`;
  if (typeof pgDump === "string")
    return [failure("pg-dump", `pg_dump: expected version ${needed} or newer, got ${pgDump}`, remedy)];
  if (pgDump < needed)
    return [failure("pg-dump", `pg_dump: expected version ${needed} or newer, got ${pgDump}`, remedy)];
  return [ok("pg-dump", `pg_dump ${pgDump}`)];
}

function judgeReplication({ source, target }: MoveFacts): MoveFinding[] {
  const findings: MoveFinding[] = [];
  if (source.settings["wal_level"] !== "logical") {
    findings.push(
      failure(
        "wal-level",
        `source: expected wal_level = logical, got ${source.settings["wal_level"]}`,
        "alter system set wal_level = 'logical'; then restart the source.",
      ),
    );
  } else findings.push(ok("wal-level", "the source's wal_level is logical"));
  const keep = source.settings["max_slot_wal_keep_size"];
  if (keep === undefined || keep.startsWith("-1")) {
    findings.push(
      failure(
        "slot-unbounded",
        "source: expected a limit in max_slot_wal_keep_size, got none: a target that stands still would fill the source's disk",
        "alter system set max_slot_wal_keep_size = '20GB'; select pg_reload_conf(). At most half of what is free on the disk of pg_wal.",
      ),
    );
  } else
    findings.push(
      ok("slot-unbounded", `the source keeps at most ${keep} of its log for a target that stands still`),
    );
  const idle = source.settings["idle_replication_slot_timeout"] ?? "0";
  if (Number.parseInt(idle, 10) > 0) {
    findings.push(
      warning(
        "slot-timeout",
        `source: idle_replication_slot_timeout is ${idle} s: a target that is away for longer cannot continue`,
        "alter system set idle_replication_slot_timeout = 0; select pg_reload_conf().",
      ),
    );
  }
  const needed = slotsNeeded(target);
  const room = [
    ["source", source, "max_replication_slots", source.slotsUsed],
    ["source", source, "max_wal_senders", source.walSendersUsed],
    ["target", target, "max_logical_replication_workers", target.workersUsed],
    ["target", target, "max_worker_processes", target.workersUsed],
    [
      "target",
      target,
      "max_active_replication_origins" in target.settings
        ? "max_active_replication_origins"
        : "max_replication_slots",
      target.originsUsed,
    ],
  ] as const;
  for (const [name, server, setting, used] of room) {
    const most = numberOf(server, setting, 0);
    if (most - used >= needed) continue;
    findings.push(
      failure(
        "no-room",
        `${name}: expected room for ${needed} in ${setting}, got ${most} of which ${used} are in use`,
        `alter system set ${setting} = ${used + needed}; then restart the ${name}.`,
      ),
    );
  }
  return findings;
}

/** The only answer that shows that the source responded and asked for the password of our role. */
const ASKED = new RegExp(`password authentication failed for user "${MOVE}"|role "${MOVE}" does not exist`);

function judgeReach(reach: string): MoveFinding {
  if (ASKED.test(reach)) return ok("reach", "the target reaches the source");
  if (/no pg_hba\.conf entry|pg_hba\.conf rejects/.test(reach)) {
    return failure(
      "reach",
      `the source lets no replication in from the target: ${reach}`,
      `Add a line for role ${MOVE} and the target's address to the source's pg_hba.conf, with scram-sha-256, and reload it.`,
    );
  }
  return failure(
    "reach",
    `the target does not reach the source: ${reach === "" ? "it was let in without a password" : reach}`,
    "The target itself connects to the source. Name the source as the target sees it: --source-address HOST:PORT; past a pooler, which passes no replication on.",
  );
}

function judgeContents(source: MoveServer & MoveSource): MoveFinding[] {
  const findings: MoveFinding[] = [];
  const refuse = (code: string, found: readonly string[], what: string, remedy: string): void => {
    if (found.length > 0) findings.push(failure(code, `source: ${what}: ${named(found)}`, remedy));
  };
  refuse(
    "no-key",
    source.tablesWithoutKey,
    "tables without a primary key or another replica identity, so that updates of them cannot be replicated and would fail",
    "Give each a primary key, or alter table … replica identity full.",
  );
  refuse(
    "unlogged",
    source.unloggedTables,
    "unlogged tables and sequences, which are not replicated",
    "alter table … set logged, or drop them.",
  );
  refuse(
    "materialized-view",
    source.materializedViews,
    "materialized views, whose rows are not replicated",
    "Drop them, and make them in the target afterwards.",
  );
  refuse(
    "extension-tables",
    source.extensionTables,
    "tables that belong to extensions",
    "Drop the extension, and make it in the target afterwards.",
  );
  refuse(
    "trigger-on-replica",
    source.triggersOnReplica,
    "triggers that are enabled always or on replicas: they would do a second time what the source's did",
    "alter table … enable trigger …: it then fires for ordinary sessions only.",
  );
  if (source.largeObjects > 0) {
    findings.push(
      failure(
        "large-objects",
        `source: ${source.largeObjects} large objects, which are not replicated`,
        "Move or remove them: neither indexd nor slabmend makes any.",
      ),
    );
  }
  if (source.preparedTransactions > 0) {
    findings.push(
      failure(
        "prepared",
        `source: ${source.preparedTransactions} prepared transactions: they would commit after the switch`,
        "commit prepared or rollback prepared each.",
      ),
    );
  }
  refuse(
    "foreign-grants",
    source.foreignGrants,
    "the right to connect was granted by roles other than the database's owner, so that it cannot be taken back",
    "Revoke it as that role, and grant it as the owner.",
  );
  refuse(
    "leftovers",
    source.leftovers,
    "names that the move needs are taken",
    "slabmend move-database abort removes what a move left. Only one database of a server can be moved at a time.",
  );
  findings.push(...judgeClosing(source));
  const rows = source.tables.reduce((sum, table) => sum + Math.max(0, table.rows), 0);
  findings.push(ok("contents", `${source.tables.length} tables, about ${rows} rows`));
  return findings;
}

/** Whether all logins to the source can be refused once it is closed. */
function judgeClosing(source: MoveServer & MoveSource): MoveFinding[] {
  if (source.indexdRole === undefined) {
    return [
      failure(
        "not-indexd",
        "source: expected indexd's table slabs, got none",
        "Name indexd's own database in SLABMEND_DATABASE_URL.",
      ),
    ];
  }
  if (source.indexdRole === source.role) {
    return [
      failure(
        "shared-role",
        `source: indexd's tables belong to ${source.role}, as which this command is connected: indexd could not be closed out without closing this command out`,
        "create role mover superuser login; \\password mover; and name it in SLABMEND_DATABASE_URL for the move.",
      ),
    ];
  }
  const others = source.superusersThatLogIn.filter(
    (name) => name !== source.role && name !== source.indexdRole,
  );
  if (others.length === 0) return [];
  return [
    warning(
      "superusers",
      `source: superusers are let into a closed database too: ${named(others)}`,
      "Those that have a session at the switch, and indexd's own, lose LOGIN for the time. Use none of the others during it.",
    ),
  ];
}

function judgeTarget({ source, target }: MoveFacts): MoveFinding[] {
  const findings: MoveFinding[] = [];
  if (target.contents.length + target.leftovers.length > 0) {
    findings.push(
      failure(
        "target-not-empty",
        `target: expected an empty database, got ${named([...target.leftovers, ...target.contents])}`,
        "create database … template template0, and name it in SLABMEND_TARGET_DATABASE_URL.",
      ),
    );
  }
  if (source.encoding !== target.encoding) {
    findings.push(
      failure(
        "encoding",
        `expected the source's encoding ${source.encoding} in the target, got ${target.encoding}`,
        `create database … encoding '${source.encoding}' template template0.`,
      ),
    );
  }
  if (source.locale !== target.locale) {
    findings.push(
      warning(
        "locale",
        `text sorts as ${source.locale} in the source, as ${target.locale} in the target`,
        "Create the target's database with the same locale, unless the change is meant.",
      ),
    );
  }
  const missing = source.extensions.filter((name) => !target.extensions.includes(name));
  if (missing.length > 0) {
    findings.push(
      failure(
        "extensions",
        `target: extensions that its server does not have: ${named(missing)}`,
        "Install their packages on the target's machine.",
      ),
    );
  }
  const unknown = source.settingNames.filter(
    (name) => !name.includes(".") && !target.settingNames.includes(name),
  );
  if (unknown.length > 0) {
    findings.push(
      failure(
        "settings",
        `settings of roles or the database that PostgreSQL ${majorOf(target.versionNumber)} does not know: ${named(unknown)}`,
        "alter role … reset …, or alter database … reset …, on the source.",
      ),
    );
  }
  findings.push(
    warning(
      "disk",
      `the database has ${source.bytes} bytes: the target's disk needs as much and the log of writing it, about ${2 * source.bytes} bytes`,
      "No server says what is free on its disk: look there.",
    ),
  );
  return findings;
}

function judgeRoles({ roles, target }: MoveFacts): MoveFinding[] {
  const there = roles.roles.filter(({ name }) => target.roles.includes(name)).map(({ name }) => name);
  const copied = roles.roles.filter(({ name }) => !target.roles.includes(name)).map(({ name }) => name);
  return [
    ok(
      "roles",
      copied.length === 0
        ? "no role has to be made"
        : `roles that will be made, with their passwords: ${named(copied)}`,
    ),
    ...(there.length === 0
      ? []
      : [
          warning(
            "roles-there",
            `roles that the target has already keep their attributes and passwords: ${named(there)}`,
            "Compare them yourself, or drop them there before the start.",
          ),
        ]),
  ];
}

function numberOf(server: MoveServer, setting: string, fallback: number): number {
  const value = Number.parseInt(server.settings[setting] ?? "", 10);
  return Number.isNaN(value) ? fallback : value;
}

function named(names: readonly string[]): string {
  const some = names.slice(0, NAMED).join(", ");
  return names.length > NAMED ? `${some} and ${names.length - NAMED} more` : some;
}
