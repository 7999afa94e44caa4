/**
 * A move's request, checkpoint and statistics, as stored in the source's slabmend.runs.
 *
 *   begun -> roles -> schema -> subscribed -> ready
 *                                               |  switch
 *   ready -> stopping -> draining -> closing -> closed -> caught-up -> compared -> opening -> opened --finish--> (done)
 *     ^                                                                   |
 *     +------------ any failure: the source is as before ----------------+
 *
 * `abort` leads from every step before `opened` to (cancelled), and leaves nothing on either server.
 */
import * as v from "valibot";
import type { Run } from "../../database/runs/run.ts";

export const MOVE_KIND = "move-database";

const STEPS = [
  "begun",
  "roles",
  "schema",
  "subscribed",
  "ready",
  "stopping",
  "draining",
  "closing",
  "closed",
  "caught-up",
  "compared",
  "opening",
  "opened",
] as const;

export type MoveStep = (typeof STEPS)[number];

/** Identifies a database: its server's identifier and the database's oid there. */
const place = v.object({ system: v.string(), oid: v.string(), name: v.string() });
export type MovePlace = v.InferOutput<typeof place>;

const scopeSchema = v.object({
  source: place,
  target: place,
  address: v.object({
    host: v.string(),
    port: v.number(),
    database: v.string(),
    sslMode: v.string(),
    sslRootCertificate: v.optional(v.string()),
  }),
  /** Number of rows in all tables, and in public.sectors, as estimated at the start. */
  rows: v.number(),
  sectors: v.number(),
  bytes: v.number(),
  /** Roles that the move creates in the target and an abort removes. */
  createdRoles: v.array(v.string()),
});

const checkpointSchema = v.object({
  step: v.optional(v.picklist(STEPS), "begun"),
  /** The objects of the source's schema (read-objects.ts), read after the run was stored. */
  objects: v.optional(v.record(v.string(), v.string())),
  /** The roles that could log in before the source was closed. Set while the source is closed or being closed. */
  access: v.optional(
    v.object({
      connect: v.array(v.object({ role: v.nullable(v.string()), mayGrant: v.boolean() })),
      logins: v.array(v.string()),
    }),
  ),
  /** True: the switch has put the fleet into maintenance. */
  stoppedFleet: v.optional(v.boolean(), false),
  /** A position in the source's log, after everything that was written before the source was closed. */
  end: v.optional(v.string()),
});

const statisticsSchema = v.object({
  tables: v.optional(v.number()),
  readyTables: v.optional(v.number()),
  copySeconds: v.optional(v.number()),
  /** How many rows were compared, and in how many tables. */
  comparedRows: v.optional(v.number()),
  comparedTables: v.optional(v.number()),
  sequences: v.optional(v.number()),
  /** When the fleet was stopped, in milliseconds since the epoch. */
  stoppedAtMs: v.optional(v.number()),
  /** Seconds from the fleet's stop until the target was opened. */
  secondsWithoutClaims: v.optional(v.number()),
  /** Why the last switch was taken back. */
  switchFailure: v.optional(v.object({ code: v.string(), message: v.string() })),
});

export type MoveScope = v.InferOutput<typeof scopeSchema>;
export type MoveCheckpoint = v.InferOutput<typeof checkpointSchema>;
export type MoveStatistics = v.InferOutput<typeof statisticsSchema>;

export const moveScopeOf = (run: Pick<Run, "scope">): MoveScope => v.parse(scopeSchema, run.scope);
export const moveCheckpointOf = (run: Pick<Run, "checkpoint">): MoveCheckpoint =>
  v.parse(checkpointSchema, run.checkpoint);
export const moveStatisticsOf = (run: Pick<Run, "statistics">): MoveStatistics =>
  v.parse(statisticsSchema, run.statistics);

const ordinal = (step: MoveStep): number => STEPS.indexOf(step);

/** Whether a move that is now at the step `at` has reached `step`, or is past it. */
const hasReached = (at: MoveStep, step: MoveStep): boolean => ordinal(at) >= ordinal(step);

/**
 * Whether a switch is in progress that can be taken back. At the step `opening` the caller must also check the target:
 * once it is open, the switch cannot be taken back.
 */
export const isSwitching = (at: MoveStep): boolean => hasReached(at, "stopping") && !hasReached(at, "opened");

/**
 * The step at which a process continues an interrupted switch. What was verified while the source was closed is
 * verified again, because no process kept watch during the interruption.
 * @param isOpened whether the target was opened before the interruption
 */
export function stepToContinue(at: MoveStep, isOpened: boolean): MoveStep {
  if (isOpened) return "opened";
  return at === "caught-up" || at === "compared" || at === "opening" ? "closed" : at;
}
