/**
 * The fleet's mode: one row obeyed by every worker of this database, on any machine and across deployments
 * (docs/decisions/0020-workers.md).
 *
 *   running      slabs are leased and their messages sent
 *   paused       set by an operator: nothing is leased or sent; leased slabs are still repaired, and reap continues
 *   suspended    like paused; in addition, the processes end when no lease is left (lib/lifecycle)
 *   maintenance  like paused, but set by a maintenance run, and only that run can end this mode
 *   deleting     like suspended; afterwards all of slabmend's data is removed, and no other mode can follow
 */
import type { ISql } from "postgres";
import { ONLY_CONFLICTS, retryTransaction } from "../client/retry-transaction.ts";
import { storableText } from "../client/storable-text.ts";

type StoppedMode = "paused" | "suspended" | "maintenance" | "deleting";

export type FleetMode =
  | { readonly kind: "running" }
  | {
      readonly kind: StoppedMode;
      /** The person or run that set this mode. */
      readonly owner: string;
      readonly reason: string | undefined;
      readonly since: Date;
    };

/**
 * The modes from which each mode can be entered. None can be entered from `maintenance`: the maintenance run must end
 * first.
 */
const ENTERED_FROM: Readonly<Record<StoppedMode, readonly FleetMode["kind"][]>> = {
  paused: ["running"],
  maintenance: ["running"],
  suspended: ["running", "paused"],
  deleting: ["running", "paused", "suspended"],
};

const MOST_OWNER_CHARACTERS = 200;
const MOST_REASON_CHARACTERS = 500;

interface Row {
  readonly mode: FleetMode["kind"];
  readonly mode_owner: string | null;
  readonly mode_reason: string | null;
  readonly mode_since: Date | null;
}

/** Reads the only row of `fleet`. */
export async function readFleetMode(sql: ISql): Promise<FleetMode> {
  const [row] = await sql<Row[]>`select mode, mode_owner, mode_reason, mode_since from slabmend.fleet`;
  return fleetModeOf(row!);
}

export function fleetModeOf({ mode, mode_owner, mode_reason, mode_since }: Row): FleetMode {
  if (mode === "running") return { kind: mode };
  return { kind: mode, owner: mode_owner!, reason: mode_reason ?? undefined, since: mode_since! };
}

/**
 * Sets a mode that stops leasing. False: the fleet stays in its present mode, which does not allow the change
 * (ENTERED_FROM).
 */
export async function stopLeasing(
  sql: ISql,
  stop: {
    readonly kind: StoppedMode;
    readonly owner: string;
    readonly reason?: string | undefined;
  },
): Promise<boolean> {
  const owner = storableText(stop.owner, MOST_OWNER_CHARACTERS);
  const reason = stop.reason === undefined ? null : storableText(stop.reason, MOST_REASON_CHARACTERS);
  const change = () => sql`
    update slabmend.fleet
    set mode = ${stop.kind}, mode_owner = ${owner}, mode_reason = ${reason}, mode_since = clock_timestamp()
    where mode in ${sql([...ENTERED_FROM[stop.kind]])} returning 1`;
  const rows = await retryTransaction("stop leasing", async () => await change(), ONLY_CONFLICTS);
  return rows.length > 0;
}

/** Replaces the reason of a pause or suspension. False: the fleet is neither paused nor suspended. */
export async function changePauseReason(sql: ISql, text: string): Promise<boolean> {
  const reason = storableText(text, MOST_REASON_CHARACTERS);
  const change = () =>
    sql`update slabmend.fleet set mode_reason = ${reason} where mode in ('paused', 'suspended') returning 1`;
  const rows = await retryTransaction("change the reason", async () => await change(), ONLY_CONFLICTS);
  return rows.length > 0;
}

/** Sets the mode `running` if the fleet is in one of the given modes. False: it is in none of them. */
export async function resumeLeasing(
  sql: ISql,
  ...from: readonly ("paused" | "suspended" | "maintenance")[]
): Promise<boolean> {
  const change = () => sql`
    update slabmend.fleet set mode = 'running', mode_owner = null, mode_reason = null, mode_since = null
    where mode in ${sql([...from])} returning 1`;
  const rows = await retryTransaction("resume leasing", async () => await change(), ONLY_CONFLICTS);
  return rows.length > 0;
}
