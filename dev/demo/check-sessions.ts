/**
 * Checks rules 8, 11 and 12 of docs/architecture.md in samples of the server's views while the fleet works. Violations
 * that are shorter than the time between two samples may be missed. Pure.
 */

/** One sample of the server's views. Durations are in milliseconds, by the server's clock. */
export interface SessionSample {
  /** Sessions of the fleet's role. */
  readonly sessions: readonly FleetSession[];
  /** Functions that are connected with another role than the one from `slabmend grant`. */
  readonly strangers: readonly string[];
  /** Invocations that may have been running when the sample was taken. */
  readonly running: number;
  /**
   * How many of `sessions` have lost their client: it closed the connection or was killed, but the session's backend
   * does not know it yet.
   */
  readonly left: number;
  /** The fleet's locks on indexd's tables that are stronger than the locks for writing rows. */
  readonly strongLocks: readonly { readonly table: string; readonly mode: string }[];
  /** Sessions of other roles that wait for a lock of the fleet. */
  readonly kept: readonly { readonly application: string; readonly forMs: number }[];
}

export interface FleetSession {
  readonly application: string;
  /** From pg_stat_activity: active, idle, idle in transaction, … */
  readonly state: string;
  readonly forMs: number;
  readonly clientPort: number | null;
}

export interface SessionLimits {
  /** The role's CONNECTION LIMIT; -1: none. */
  readonly connections: number;
  /** The role's timeouts, plus the time that the server takes to act on them. */
  readonly idleInTransactionMs: number;
  readonly statementMs: number;
  /** Maximum time that a worker keeps an unused connection. */
  readonly idleMs: number;
  /**
   * Maximum time that other sessions wait for a lock of the fleet. It equals idleInTransactionMs: if a client hangs in
   * a transaction, the server ends the session after that time, which releases the client's locks.
   */
  readonly keptMs: number;
}

/**
 * The timeouts of `slabmend grant`, plus half a second for the server to act on them. `idleMs` allows more time than
 * workers need: they close idle connections after one second (lib/database/client/connect.ts).
 */
export const FLEET_LIMITS: Omit<SessionLimits, "connections"> = {
  idleInTransactionMs: 5_500,
  statementMs: 15_500,
  idleMs: 5_000,
  keptMs: 5_500,
};

/** Returns one sentence for each kind of violation that occurred; the sentence describes the worst case. */
export function sessionViolations(samples: readonly SessionSample[], limits: SessionLimits): string[] {
  const worst = new Map<string, { readonly measure: number; readonly text: string }>();
  const note = (key: string, measure: number, text: string): void => {
    if (measure > (worst.get(key)?.measure ?? Number.NEGATIVE_INFINITY)) worst.set(key, { measure, text });
  };
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
  for (const { sessions, strangers, running, left, strongLocks, kept } of samples) {
    for (const application of strangers) {
      note(`role ${application}`, 0, `${application} used a role other than the fleet's`);
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
