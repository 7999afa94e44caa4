/**
 * A maintenance run, and the requests that an operator can make. Pure.
 *
 *   running --pause--> paused --resume--> running
 *      |                  |
 *      +----- cancel -----+--> cancelling --nothing in flight--> cancelled
 *      |
 *      +--> done, failed
 */

export type RunState = "running" | "paused" | "cancelling" | "done" | "cancelled" | "failed";
export type RunRequest = "pause" | "resume" | "cancel";

/**
 * Kinds of runs that only their own commands can continue and end, because such a run needs more than slabmend's
 * database, for example the URL of another database. No other process takes such a run.
 */
export const ATTENDED_KINDS: readonly string[] = ["move-database", "restore"];

export interface Run {
  readonly id: bigint;
  readonly kind: string;
  /** What the operator requested: written by the code of the run's kind, which validates it again when reading. */
  readonly scope: unknown;
  readonly state: RunState;
  readonly checkpoint: unknown;
  readonly statistics: unknown;
  readonly error: { readonly code: string; readonly message: string; readonly remedy: string } | null;
  readonly owner: string;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
  /** The process that holds the run's lease; null: none. */
  readonly coordinator: string | null;
  readonly expiresAt: Date | null;
}

export interface RunProgress {
  readonly checkpoint?: object;
  readonly statistics?: object;
  /** Ends the run. */
  readonly end?:
    | { readonly state: "done" | "cancelled" }
    | { readonly state: "failed"; readonly error: NonNullable<Run["error"]> };
}

/**
 * The state after a request; undefined: the request does not fit. A request for the state that the run already has is
 * allowed.
 */
export function stateAfter(state: RunState, request: RunRequest): RunState | undefined {
  switch (request) {
    case "pause":
      return state === "running" || state === "paused" ? "paused" : undefined;
    case "resume":
      return state === "running" || state === "paused" ? "running" : undefined;
    case "cancel":
      return state === "running" || state === "paused" || state === "cancelling" ? "cancelling" : undefined;
  }
}

/** The states in which a request is valid. */
export function statesBefore(request: RunRequest): readonly RunState[] {
  const all: readonly RunState[] = ["running", "paused", "cancelling", "done", "cancelled", "failed"];
  return all.filter((state) => stateAfter(state, request) !== undefined);
}
