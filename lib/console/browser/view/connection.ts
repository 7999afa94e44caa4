/**
 * The state of the console's connection:
 *
 *   connecting ──event──▶ live ──silence or error──▶ lost ──event──▶ live
 *                         │ ▲
 *    database away, or no ▼ │ database back
 *    status for 15 s     away ──silence or error──▶ lost
 *
 * `away`: the server answers, its database does not. `lost`: the server does not answer. In both states the last data
 * stays on the screen, marked as outdated.
 */
export type Connection =
  | { readonly state: "connecting" }
  /** `toldMs`: when the last status arrived, which shows that the database answers. */
  | { readonly state: "live"; readonly heardMs: number; readonly toldMs: number }
  | { readonly state: "away"; readonly heardMs: number; readonly since: string; readonly code: string | null }
  | { readonly state: "lost"; readonly sinceMs: number };

export type ConnectionEvent =
  /** An event about workers: the server answers, but its database may be unreachable. */
  | { readonly kind: "heard"; readonly atMs: number }
  | {
      readonly kind: "database-away";
      readonly atMs: number;
      readonly since: string;
      readonly code: string | null;
    }
  | { readonly kind: "database-back"; readonly atMs: number }
  | { readonly kind: "failed"; readonly atMs: number }
  | { readonly kind: "tick"; readonly atMs: number };

/** The server sends a status and other events every 3 s; after this time at least four events are missing. */
const SILENCE_MS = 15_000;

export function nextConnection(before: Connection, event: ConnectionEvent): Connection {
  const { atMs } = event;
  switch (event.kind) {
    case "heard":
      if (before.state === "live" || before.state === "away") return { ...before, heardMs: atMs };
      return { state: "live", heardMs: atMs, toldMs: atMs };
    case "database-away":
      return { state: "away", heardMs: atMs, since: event.since, code: event.code };
    case "database-back":
      return { state: "live", heardMs: atMs, toldMs: atMs };
    case "failed":
      return before.state === "lost" ? before : { state: "lost", sinceMs: atMs };
    case "tick":
      if (before.state !== "live" && before.state !== "away") return before;
      if (atMs - before.heardMs > SILENCE_MS) return { state: "lost", sinceMs: before.heardMs };
      if (before.state === "live" && atMs - before.toldMs > SILENCE_MS) {
        // No status for 15 s: the server waits for a database that neither answers nor refuses.
        return {
          state: "away",
          heardMs: before.heardMs,
          since: new Date(before.toldMs).toISOString(),
          code: null,
        };
      }
      return before;
  }
}

/**
 * Milliseconds until the next attempt: doubles from 1 s to 15 s, with jitter, so that consoles do not reconnect all at
 * once.
 */
export function reconnectDelayMs(failures: number, random: () => number): number {
  const most = Math.min(15_000, 1_000 * 2 ** Math.min(failures, 4));
  return most / 2 + random() * (most / 2);
}
