/**
 * What the console knows about its own connection. States:
 *
 *   connecting ──event──▶ live ──silence or error──▶ lost ──event──▶ live
 *                          │ ▲
 *                 `away`   ▼ │ `back`
 *                         away
 *
 * `away`: the server answers, its database does not. `lost`: nothing is heard from the server. What was last read stays on
 * the screen in both, marked as old.
 */
export type Connection =
  | { readonly state: "connecting" }
  | { readonly state: "live"; readonly heardMs: number }
  | { readonly state: "away"; readonly heardMs: number; readonly since: string; readonly code: string | null }
  | { readonly state: "lost"; readonly sinceMs: number };

export type ConnectionEvent =
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

/** The server sends something every 5 s: two are missing. */
const SILENCE_MS = 15_000;

export function nextConnection(before: Connection, event: ConnectionEvent): Connection {
  switch (event.kind) {
    case "heard":
      // A report of the workers needs no database, so it says nothing about one that is away.
      return before.state === "away"
        ? { ...before, heardMs: event.atMs }
        : { state: "live", heardMs: event.atMs };
    case "database-away":
      return { state: "away", heardMs: event.atMs, since: event.since, code: event.code };
    case "database-back":
      return { state: "live", heardMs: event.atMs };
    case "failed":
      return before.state === "lost" ? before : { state: "lost", sinceMs: event.atMs };
    case "tick": {
      if (before.state !== "live" && before.state !== "away") return before;
      return event.atMs - before.heardMs > SILENCE_MS ? { state: "lost", sinceMs: before.heardMs } : before;
    }
  }
}

/** Milliseconds until the next attempt: doubling from 1 s to 15 s, spread so that many consoles do not come back at once. */
export function reconnectDelayMs(failures: number, random: () => number): number {
  const most = Math.min(15_000, 1_000 * 2 ** Math.min(failures, 4));
  return most / 2 + random() * (most / 2);
}
