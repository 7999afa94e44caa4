/**
 * Whether a database can be moved, judged from facts about both servers: finds every reason why a later step would
 * fail. Pure.
 */

import type { MoveRoles } from "../../database/move/move-roles.ts";
import type { MoveServer } from "../../database/move/read-move-server.ts";
import type { MoveSource } from "../../database/move/read-move-source.ts";
import type { MoveTarget } from "../../database/move/read-move-target.ts";
import type { Run } from "../../database/runs/run.ts";
import { judgeReach, judgeReplication } from "./judge-replication.ts";
import { judgePgDump, judgeServers } from "./judge-servers.ts";
import { judgeSource } from "./judge-source.ts";
import { judgeRoles, judgeTarget } from "./judge-target.ts";
import { failure, type MoveFinding } from "./move-finding.ts";

export interface MoveFacts {
  readonly source: MoveServer & MoveSource;
  readonly target: MoveServer & MoveTarget;
  readonly roles: MoveRoles;
  /** The major version from `pg_dump --version`; a string: the reason why there is no version. */
  readonly pgDump: number | string;
  /** The error that the target got when it tried to reach the source: subscription.ts; null: it could not try. */
  readonly reach: string | null;
  /** The unfinished maintenance run. */
  readonly activeRun: Pick<Run, "id" | "kind" | "owner"> | undefined;
}

/** Returns the findings in the order in which an operator should fix them. */
export function judgePlan(facts: MoveFacts): readonly MoveFinding[] {
  const { source, target, roles, pgDump, reach } = facts;
  return [
    ...judgeActiveRun(facts),
    ...judgeServers(source, target),
    ...judgePgDump(source, target, pgDump),
    ...judgeReplication(source, target),
    ...(reach === null ? [] : [judgeReach(reach)]),
    ...judgeSource(source),
    ...judgeTarget(source, target),
    ...judgeRoles(roles, target),
  ];
}

export const isMovable = (findings: readonly MoveFinding[]): boolean =>
  findings.every(({ level }) => level !== "failure");

function judgeActiveRun({ activeRun: run }: MoveFacts): MoveFinding[] {
  if (run === undefined) return [];
  return [
    failure(
      "run-active",
      `maintenance run ${run.id} (${run.kind}) of ${run.owner} is unfinished, and there can be only one unfinished run`,
      "Let it finish, or end it: a move with slabmend move-database abort, any other run with slabmend maintenance cancel.",
    ),
  ];
}
