/** Formats maintenance runs of all kinds for people. */
import type { RunReport } from "../openapi/reports.ts";
import { ago, count, secondsSince, shortKey, siacoins, siacoinsOfHastings } from "./format.ts";
import type { Tone } from "./tone.ts";

export type RunRequest = "pause" | "resume" | "cancel";

/** After this silence the coordinator's lease has ended, and another process may take over. */
const SILENT_SECONDS = 300;

const TONES: Readonly<Record<RunReport["state"], Tone>> = {
  running: "wait",
  paused: "warn",
  cancelling: "warn",
  done: "good",
  cancelled: "quiet",
  failed: "danger",
};

export const toneOfRun = ({ state, hasFindings }: Pick<RunReport, "state" | "hasFindings">): Tone =>
  state === "done" && hasFindings ? "warn" : TONES[state];

/** The actions that an operator may take now. */
export function requestsFor(state: RunReport["state"]): readonly RunRequest[] {
  if (state === "running") return ["pause", "cancel"];
  return state === "paused" ? ["resume", "cancel"] : [];
}

/** 0…1; undefined if unknown. */
export function shareDone({ progress }: Pick<RunReport, "progress">): number | undefined {
  if (progress === null) return undefined;
  return progress.total === 0 ? 1 : Math.min(1, progress.done / progress.total);
}

/** `40 of 200 sectors (20 %)`. */
export function progressText(run: Pick<RunReport, "progress">): string {
  const { progress } = run;
  if (progress === null) return "no progress yet";
  const percent = Math.floor(100 * shareDone(run)!);
  return `${count(progress.done)} of ${count(progress.total)} ${progress.unit} (${percent} %)`;
}

/** `host ab12cd…89ef`, `slab 12`; empty if the run has neither. */
export function subjectOf({ host, slabId }: Pick<RunReport, "host" | "slabId">): string {
  if (host !== null) return `host ${shortKey(host)}`;
  return slabId === null ? "" : `slab ${slabId}`;
}

/** The process that executes an unfinished run, and its last heartbeat. */
export function coordinatorText(
  { coordinator, coordinatorSeenAt }: Pick<RunReport, "coordinator" | "coordinatorSeenAt">,
  nowMs: number,
): string {
  if (coordinator === null || coordinatorSeenAt === null) {
    return "no process at the moment; serve and work --from-database look for unfinished runs once a minute";
  }
  const heard = `heartbeat ${ago(coordinatorSeenAt, nowMs)}`;
  return secondsSince(coordinatorSeenAt, nowMs) > SILENT_SECONDS
    ? `${coordinator}, last ${heard}; another process may take over`
    : `${coordinator}, ${heard}`;
}

/** Names and values of the statistics of the run's kind. Counts by code are combined in one line. */
export function statisticsOf(statistics: RunReport["statistics"]): (readonly [string, string])[] {
  return Object.entries(statistics).map(([key, value]) => {
    if (key === "hastings") return ["paid", siacoins(siacoinsOfHastings(String(value)))];
    return [inWords(key), valueText(value)];
  });
}

/** `wrongData` -> `wrong data` */
const inWords = (key: string): string =>
  key.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll("_", " ");

function valueText(value: unknown): string {
  if (typeof value === "number") return count(value);
  if (typeof value !== "object" || value === null) return String(value ?? "unknown");
  const entries = Object.entries(value);
  return entries.length === 0 ? "none" : entries.map(([name, one]) => `${valueText(one)} ${name}`).join(", ");
}
