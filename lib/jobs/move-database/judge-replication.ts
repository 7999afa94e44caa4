/** Whether the target could follow the source. Pure. */
import { MOVE } from "../../database/move/move-names.ts";
import type { MoveServer } from "../../database/move/read-move-server.ts";
import { failure, type MoveFinding, ok, warning } from "./move-finding.ts";

/** Number of replication slots that a move needs: one permanent slot, and one for each table that is being copied. */
const slotsNeeded = (target: MoveServer): number =>
  1 + numberOf(target, "max_sync_workers_per_subscription", 2);

/** Checks the settings of both servers. */
export function judgeReplication(source: MoveServer, target: MoveServer): MoveFinding[] {
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
        "source: expected a limit in max_slot_wal_keep_size, got none: a target that stops replicating would fill the source's disk",
        "alter system set max_slot_wal_keep_size = '20GB'; select pg_reload_conf(). Use at most half of the free space on the disk of pg_wal.",
      ),
    );
  } else
    findings.push(
      ok("slot-unbounded", `the source keeps at most ${keep} of its log for a target that stops replicating`),
    );
  const idle = source.settings["idle_replication_slot_timeout"] ?? "0";
  if (Number.parseInt(idle, 10) > 0) {
    findings.push(
      warning(
        "slot-timeout",
        `source: idle_replication_slot_timeout is ${idle} s: a target that is disconnected for longer cannot continue`,
        "alter system set idle_replication_slot_timeout = 0; select pg_reload_conf().",
      ),
    );
  }
  return [...findings, ...judgeRoom(source, target)];
}

/** Checks that enough replication slots, WAL senders, worker processes and replication origins are free. */
function judgeRoom(source: MoveServer, target: MoveServer): MoveFinding[] {
  const findings: MoveFinding[] = [];
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

/** Errors that prove that the target reached the source: the source asked for the password of the move's role. */
const ASKED = new RegExp(`password authentication failed for user "${MOVE}"|role "${MOVE}" does not exist`);

/** @param reach result of the target's attempt to reach the source */
export function judgeReach(reach: string): MoveFinding {
  if (ASKED.test(reach)) return ok("reach", "the target reaches the source");
  if (/no pg_hba\.conf entry|pg_hba\.conf rejects/.test(reach)) {
    return failure(
      "reach",
      `the source refuses replication from the target: ${reach}`,
      `Add a line for role ${MOVE} and the target's address to the source's pg_hba.conf, with scram-sha-256, and reload it.`,
    );
  }
  return failure(
    "reach",
    `the target does not reach the source: ${reach}`,
    "The target itself connects to the source. Give the address at which the target reaches the source: --source-address HOST:PORT. A pooler does not pass replication on.",
  );
}

function numberOf(server: MoveServer, setting: string, fallback: number): number {
  const value = Number.parseInt(server.settings[setting] ?? "", 10);
  return Number.isNaN(value) ? fallback : value;
}
