/** Reports on indexers, for people and programs. Pure. */
import type { FleetMode } from "../database/fleet/fleet-mode.ts";
import type { SeenLifecycle } from "../database/lifecycle/lifecycle.ts";
import { timeOrNull } from "../reports/fields.ts";
import type { IndexerReport } from "../reports/indexers-schema.ts";
import { describeMode, modeInWords } from "../reports/mode.ts";
import type { Trouble } from "../worker/trouble.ts";
import type { IndexerView } from "./indexer-control.ts";

type Facts = Omit<IndexerReport, "says">;

/** Reports an indexer that a `serve` runs. */
export function reportView({ name, lifecycle, loop, units }: IndexerView): IndexerReport {
  const { state, mode, since, holder, failures, trouble } = lifecycle;
  return withSentence({
    name,
    state,
    since: timeOrNull(since),
    mode: mode === undefined ? null : describeMode(mode),
    holder: holder ?? null,
    failures,
    trouble: trouble === null ? null : reportTrouble(trouble),
    here:
      loop === null
        ? null
        : {
            concurrency: loop.concurrency,
            running: loop.running,
            restarts: loop.restarts,
            units: [...units],
          },
  });
}

/** Reports an indexer whose database was queried. */
export function reportSeen(name: string, seen: SeenLifecycle): IndexerReport {
  if (seen.kind === "absent") return withSentence({ ...NOTHING, name, state: "absent" });
  if (seen.kind === "deleted") {
    const { owner, reason, deletedAt } = seen.tombstone;
    const mode: FleetMode = { kind: "deleting", owner, reason, since: deletedAt };
    return withSentence({
      ...NOTHING,
      name,
      state: "deleted",
      since: deletedAt.toISOString(),
      mode: describeMode(mode),
    });
  }
  const { state, since, mode, holder, failures, trouble } = seen.row;
  return withSentence({
    name,
    state,
    since: since.toISOString(),
    mode: describeMode(mode),
    holder: holder ?? null,
    failures,
    trouble,
    here: null,
  });
}

/** Reports an indexer whose database cannot be queried. */
export function reportUnknown(name: string, trouble: Omit<Trouble, "sinceMs">): IndexerReport {
  return withSentence({ ...NOTHING, name, state: "unknown", failures: 1, trouble: reportTrouble(trouble) });
}

const NOTHING = { since: null, mode: null, holder: null, failures: 0, trouble: null, here: null } as const;

function reportTrouble({ code, message, remedy }: Omit<Trouble, "sinceMs">): IndexerReport["trouble"] {
  return { code, message, remedy };
}

function withSentence(facts: Facts): IndexerReport {
  return { ...facts, says: sentenceOf(facts) };
}

const STATES: Readonly<Record<IndexerReport["state"], string>> = {
  initializing: "is being checked before it begins",
  running: "works",
  stopping: "stops when running repairs are done",
  stopped: "is stopped: none of its work runs",
  repairing: "cannot work now; it tries again",
  deleting: "is being deleted",
  deleted: "was deleted; slabmend init --again recreates it",
  absent: "has no schema yet: slabmend init creates it",
  unknown: "cannot be reached",
};

function sentenceOf({ name, state, mode, trouble, here }: Facts): string {
  const parts = [`${name} ${STATES[state]}`];
  if (mode !== null && mode.kind !== "running") {
    const is = state === "deleted" ? "by" : `${modeInWords(mode.kind)} by`;
    parts.push(`${is} ${mode.owner}${mode.reason === null ? "" : `: ${mode.reason}`}`);
  }
  const stalled = here?.units.filter(({ health }) => health === "stalled") ?? [];
  for (const { unit, says } of stalled) parts.push(`${unit} ${says}`);
  if (trouble !== null)
    parts.push(`${trouble.message}${trouble.remedy === null ? "" : `. ${trouble.remedy}`}`);
  return parts.join("; ");
}
