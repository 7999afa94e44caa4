import type { DatabaseEvent, StatusReport, WorkersReport } from "../openapi/reports.ts";
import {
  type Connection,
  type ConnectionEvent,
  nextConnection,
  reconnectDelayMs,
} from "../view/connection.ts";
import { pathOf } from "../view/indexer.ts";
import { chosenIndexer } from "./indexers.ts";

/** Data pushed by the server. All other data is read when a view shows it. */
export interface Live {
  readonly connection: Connection;
  readonly status: StatusReport | undefined;
  readonly workers: WorkersReport | undefined;
  /** The server's clock minus this machine's, from the last status. */
  readonly clockOffsetMs: number;
  /** Increased when the connection or the database is back, so that views reload. */
  readonly generation: number;
}

const START: Live = {
  connection: { state: "connecting" },
  status: undefined,
  workers: undefined,
  clockOffsetMs: 0,
  generation: 0,
};

/**
 * Follows /api/v1/events until closed. The browser's own reconnection gives up if the server answers with an error, so
 * a stream that ends is reopened here.
 */
export function followEvents(show: (live: Live) => void): () => void {
  let live = START;
  let source: EventSource | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;

  const change = (event: ConnectionEvent, more: Partial<Live> = {}) => {
    const connection = nextConnection(live.connection, event);
    const isBack =
      connection.state === "live" &&
      live.connection.state !== "live" &&
      live.connection.state !== "connecting";
    if (connection === live.connection && Object.keys(more).length === 0) return;
    live = { ...live, ...more, connection, generation: live.generation + (isBack ? 1 : 0) };
    show(live);
  };

  const open = () => {
    source = new EventSource(pathOf("/api/v1/events", chosenIndexer()));
    const on = (name: string, take: (data: never) => void) =>
      source?.addEventListener(name, (event) => {
        failures = 0;
        take(JSON.parse(event.data) as never);
      });
    on("status", (status: StatusReport) => {
      const atMs = Date.now();
      change({ kind: "database-back", atMs }, { status, clockOffsetMs: Date.parse(status.at) - atMs });
    });
    on("workers", (workers: WorkersReport) => change({ kind: "heard", atMs: Date.now() }, { workers }));
    on("database", ({ away, since, code }: DatabaseEvent) => {
      const atMs = Date.now();
      if (away)
        change({
          kind: "database-away",
          atMs,
          since: since ?? new Date(atMs).toISOString(),
          code,
        });
      else change({ kind: "database-back", atMs });
    });
    source.onerror = () => {
      source?.close();
      change({ kind: "failed", atMs: Date.now() });
      retry = setTimeout(open, reconnectDelayMs(failures, Math.random));
      failures += 1;
    };
  };

  const ticks = setInterval(() => {
    const wasLost = live.connection.state === "lost";
    change({ kind: "tick", atMs: Date.now() });
    // A stream can fall silent without an error event, for example after a laptop slept.
    if (live.connection.state === "lost" && !wasLost) source?.onerror?.(new Event("error"));
  }, 1_000);

  open();
  return () => {
    clearInterval(ticks);
    clearTimeout(retry);
    source?.close();
  };
}
