/** The progress, findings and alarms of a move. Needs no access to the target. */

import type { SlotState } from "../../database/move/publication.ts";
import type { MoveServer } from "../../database/move/read-move-server.ts";
import type { MoveSource } from "../../database/move/read-move-source.ts";
import type { SubscriptionState } from "../../database/move/subscription.ts";
import type { Run } from "../../database/runs/run.ts";
import type { RunKind } from "../maintenance/maintenance-job.ts";
import { isSwitching, MOVE_KIND, moveCheckpointOf, moveScopeOf, moveStatisticsOf } from "./move-run.ts";

/**
 * How fast a move copies indexd's rows, with their indexes: measured with `npm run bench:move`, on two cores with much
 * other work.
 */
const ROWS_PER_SECOND = 15_000;
/**
 * The time without claims is at most SWITCH_SECONDS, plus SWITCH_SECONDS_PER_SECTOR for each sector: `npm run
 * bench:move` verifies this limit.
 */
const SWITCH_SECONDS = 30;
const SWITCH_SECONDS_PER_SECTOR = 4 / 1e6;

export interface MoveEstimate {
  readonly tables: number;
  readonly rows: number;
  readonly sectors: number;
  readonly bytes: number;
  readonly copySeconds: number;
  /** Upper limit of the time from the end of the last lease until the target is open. */
  readonly secondsWithoutClaims: number;
}

export function estimateMove(source: MoveSource & Pick<MoveServer, "bytes">): MoveEstimate {
  const rows = source.tables.reduce((sum, table) => sum + Math.max(0, table.rows), 0);
  return {
    tables: source.tables.length,
    rows,
    sectors: source.sectors,
    bytes: source.bytes,
    copySeconds: Math.ceil(rows / ROWS_PER_SECOND),
    secondsWithoutClaims: Math.ceil(SWITCH_SECONDS + source.sectors * SWITCH_SECONDS_PER_SECTOR),
  };
}

export const moveKind: RunKind = {
  kind: MOVE_KIND,
  readsHosts: false,
  estimate: () => Promise.reject(new Error("slabmend move-database plan estimates")),
  progress(run) {
    const { tables, readyTables } = moveStatisticsOf(run);
    return tables === undefined ? null : { done: readyTables ?? 0, total: tables, unit: "tables" };
  },
  describe: describeMove,
  hasFindings: (run) => moveStatisticsOf(run).switchFailure !== undefined,
};

function describeMove(run: Run): readonly string[] {
  const { source, target } = moveScopeOf(run);
  const { switchFailure, secondsWithoutClaims, copySeconds, comparedTables, comparedRows } =
    moveStatisticsOf(run);
  return [
    `moves database ${source.name} to database ${target.name} on another server; step ${moveCheckpointOf(run).step}`,
    ...(copySeconds === undefined ? [] : [`copied in ${copySeconds} s`]),
    ...(comparedTables === undefined
      ? []
      : [`${comparedRows} rows in ${comparedTables} tables compared equal`]),
    ...(secondsWithoutClaims === undefined ? [] : [`${secondsWithoutClaims} s without claims`]),
    ...(switchFailure === undefined ? [] : [`the last switch was taken back: ${switchFailure.message}`]),
  ];
}

/** An alarm is due when the log that the source keeps for the target exceeds this share of the log that it may keep. */
const ALARMING_SHARE = 0.5;

/** Problems that need an operator during a move. Pure. */
export function moveAlarms(
  run: Run,
  slot: SlotState | undefined,
  subscription: SubscriptionState | undefined,
  now: Date,
): readonly string[] {
  const isLeft = run.expiresAt === null || run.expiresAt < now;
  const { step } = moveCheckpointOf(run);
  const { switchFailure } = moveStatisticsOf(run);
  const follows = ["subscribed", "ready", "stopping", "draining", "closing", "closed", "caught-up"].includes(
    step,
  );
  const alarms: string[] = [];
  if (follows && run.finishedAt === null) {
    if (slot === undefined) alarms.push("the source has no slot for the target: abort, and start again");
    else if (slot.walStatus === "lost") {
      alarms.push(
        "the source has invalidated the target's slot, because the target stopped replicating for too long: abort, and start again",
      );
    } else if (
      slot.safeBytes !== null &&
      slot.keptBytes > ALARMING_SHARE * (slot.keptBytes + slot.safeBytes)
    ) {
      alarms.push(
        `the target is ${slot.lagBytes} bytes behind: after another ${slot.safeBytes} bytes of log the source invalidates the target's slot`,
      );
    }
    if (subscription === undefined) alarms.push("the target has no subscription: abort, and start again");
    else if (!subscription.isEnabled) {
      alarms.push(
        "the subscription is switched off: run alter subscription slabmend_move enable in the target",
      );
    } else if (!subscription.isApplying)
      alarms.push(
        "the target's replication worker does not run: if it does not start again within seconds, the target's log shows why",
      );
  }
  if (isSwitching(step) && isLeft) {
    alarms.push("a switch was interrupted, and the source may be closed: switch again, or abort");
  }
  if (switchFailure !== undefined && step === "ready") {
    alarms.push(`the last switch was taken back: ${switchFailure.message}`);
  }
  return alarms;
}
