/**
 * What of rules 8, 11 and 12 of docs/architecture.md shows in the server's own views while the fleet works. Judged from
 * samples: what lasts less than the time between two of them may pass unseen. Pure.
 */

/** One look at the server. Times are milliseconds, as the server tells them. */
export interface SessionSample {
  /** Of the fleet's role. */
  readonly sessions: readonly FleetSession[];
  /** Functions that were connected under another role than the one that `slabmend grant` makes. */
  readonly strangers: readonly string[];
  /** Invocations that can have been running at that moment. */
  readonly running: number;
  /** Of `sessions`: those whose client has closed its connection or was killed; their backends do not know it yet. */
  readonly left: number;
  /** Locks of the fleet's on indexd's tables that are stronger than those of writing rows. */
  readonly strongLocks: readonly { readonly table: string; readonly mode: string }[];
  /** Sessions of others that wait for a lock which the fleet's has. */
  readonly kept: readonly { readonly application: string; readonly forMs: number }[];
}

export interface FleetSession {
  readonly application: string;
  /** As pg_stat_activity has it: active, idle, idle in transaction, … */
  readonly state: string;
  readonly forMs: number;
  readonly clientPort: number | null;
}

export interface SessionLimits {
  /** The role's CONNECTION LIMIT; -1: none. */
  readonly connections: number;
  /** The role's own time-outs, with what it takes the server to act on them. */
  readonly idleInTransactionMs: number;
  readonly statementMs: number;
  /** Longer than this a worker keeps no connection that it does not use. */
  readonly idleMs: number;
  /** Longer than this nobody waits for us: idleInTransactionMs, after which a stopped client's locks are gone. */
  readonly keptMs: number;
}

/** Time-outs as `slabmend grant` sets them, half a second for the server to notice; one second of idleness in lib/database/client/connect.ts. */
export const FLEET_LIMITS: Omit<SessionLimits, "connections"> = {
  idleInTransactionMs: 5_500,
  statementMs: 15_500,
  idleMs: 5_000,
  keptMs: 5_500,
};

/** Each broken rule once, with the worst that was seen. */
export function sessionViolations(samples: readonly SessionSample[], limits: SessionLimits): string[] {
  const worst = new Map<string, { readonly measure: number; readonly text: string }>();
  const note = (key: string, measure: number, text: string): void => {
    if (measure > (worst.get(key)?.measure ?? Number.NEGATIVE_INFINITY)) worst.set(key, { measure, text });
  };
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
  for (const { sessions, strangers, running, left, strongLocks, kept } of samples) {
    for (const application of strangers) {
      note(`role ${application}`, 0, `${application} worked under another role than the fleet's`);
    }
    for (const { table, mode } of strongLocks) {
      note(`8 ${table} ${mode}`, 0, `rule 8 is violated: the fleet held ${mode} on ${table}`);
    }
    for (const { application, state, forMs } of sessions) {
      const said = `${application} was ${state} for ${seconds(forMs)}`;
      if (state.startsWith("idle in transaction") && forMs > limits.idleInTransactionMs) {
        note(`11 ${application} ${state}`, forMs, `rule 11 is violated: ${said}`);
      }
      if (state === "active" && forMs > limits.statementMs) {
        note(`11 ${application} ${state}`, forMs, `rule 11 is violated: ${said}`);
      }
      if (state === "idle" && forMs > limits.idleMs) {
        note(`12 ${application} ${state}`, forMs, `rule 12 is violated: ${said}`);
      }
    }
    for (const { application, forMs } of kept) {
      if (forMs <= limits.keptMs) continue;
      note(
        `11 kept`,
        forMs,
        `rule 11 is violated: ${application} waited ${seconds(forMs)} for a lock of the fleet`,
      );
    }
    const connections = sessions.length - left;
    if (connections > running) {
      const text = `rule 12 is violated: ${connections} connections of the fleet while ${running} functions ran`;
      note("12 connections", connections - running, text);
    }
  }
  if (limits.connections < 0)
    note("12 limit", 0, "rule 12 is violated: the fleet's role has no connection limit");
  return [...worst.values()].map(({ text }) => text);
}
