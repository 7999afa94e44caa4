import * as v from "valibot";
import type { FleetMode } from "../database/fleet/fleet-mode.ts";
import { schemaVersion, time } from "./fields.ts";

export const fleetMode = v.object({
  kind: v.picklist(["running", "paused", "suspended", "maintenance", "deleting"]),
  owner: v.nullable(v.string()),
  reason: v.nullable(v.string()),
  since: v.nullable(time),
});

/** `slabmend pause --json` and `slabmend resume --json`. */
export const modeSchema = v.object({
  schemaVersion,
  changed: v.pipe(v.boolean(), v.description("false: the fleet had this mode already, or is in maintenance")),
  reasonChanged: v.pipe(v.boolean(), v.description("whether the reason of an existing pause was changed")),
  mode: fleetMode,
});

export type ModeReport = v.InferOutput<typeof modeSchema>;

export function describeMode(mode: FleetMode): v.InferOutput<typeof fleetMode> {
  if (mode.kind === "running") return { kind: mode.kind, owner: null, reason: null, since: null };
  const { kind, owner, reason = null, since } = mode;
  return { kind, owner, reason, since: since.toISOString() };
}

const IN_WORDS: Readonly<Record<FleetMode["kind"], string>> = {
  running: "running",
  paused: "paused",
  suspended: "suspended",
  maintenance: "in maintenance",
  deleting: "being deleted",
};

/** Completes the sentence "the fleet is …". */
export const modeInWords = (kind: FleetMode["kind"]): string => IN_WORDS[kind];
