/** Whether the whole source would be replicated, and whether it can be closed. Pure. */
import type { MoveServer } from "../../database/move/read-move-server.ts";
import type { MoveSource } from "../../database/move/read-move-source.ts";
import { failure, type MoveFinding, named, ok, warning } from "./move-finding.ts";

export function judgeSource(source: MoveServer & MoveSource): MoveFinding[] {
  const findings: MoveFinding[] = [];
  const refuse = (code: string, found: readonly string[], what: string, remedy: string): void => {
    if (found.length > 0) findings.push(failure(code, `source: ${what}: ${named(found)}`, remedy));
  };
  refuse(
    "no-key",
    source.tablesWithoutKey,
    "tables without a primary key or another replica identity: once they are published, updates of their rows would fail",
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
    "Drop them, and create them in the target afterwards.",
  );
  refuse(
    "extension-tables",
    source.extensionTables,
    "tables that belong to extensions",
    "Drop the extension, and create it in the target afterwards.",
  );
  refuse(
    "trigger-on-replica",
    source.triggersOnReplica,
    "triggers that are enabled always or on replicas: they would repeat what the source's triggers did",
    "alter table … enable trigger …: it then fires for ordinary sessions only.",
  );
  if (source.largeObjects > 0) {
    findings.push(
      failure(
        "large-objects",
        `source: ${source.largeObjects} large objects, which are not replicated`,
        "Move or remove them: neither indexd nor slabmend creates any.",
      ),
    );
  }
  if (source.preparedTransactions > 0) {
    findings.push(
      failure(
        "prepared",
        `source: ${source.preparedTransactions} prepared transactions: they would commit after the switch`,
        "End each of them: commit prepared, or rollback prepared.",
      ),
    );
  }
  refuse(
    "foreign-grants",
    source.foreignGrants,
    "the right to connect was granted by roles other than the database's owner, so the move cannot revoke it",
    "Revoke the right as the role that granted it, and grant it again as the database's owner.",
  );
  refuse(
    "leftovers",
    source.leftovers,
    "names that the move needs are taken",
    "slabmend move-database abort removes what an earlier move left behind. Only one database of a server can be moved at a time.",
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
        `source: this command is connected as ${source.role}, the owner of indexd's tables: locking out indexd would lock out this command too`,
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
      `source: superusers can log in even while the database is closed: ${named(others)}`,
      "Superusers with a session at the switch, and indexd's role, lose LOGIN during the switch. Do not log in as another superuser meanwhile.",
    ),
  ];
}
