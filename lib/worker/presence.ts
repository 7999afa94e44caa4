import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Clock } from "../clock/clock.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import {
  listWorkers,
  type SeenWorker,
  tellAlive,
  tellEnded,
  WORKER_HEARTBEAT_MS,
  type WorkerRow,
} from "../database/fleet/workers.ts";
import type { Logger } from "../telemetry/logger.ts";
import { RepeatedLines } from "../telemetry/repeated-lines.ts";

export interface PresenceOptions {
  /** Must use a client that runs no slow statements: a heartbeat that waited for one would be late. */
  readonly ask: Ask;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly command: WorkerRow["command"];
  /** The present values. */
  readonly describe: () => Pick<WorkerRow, "concurrency" | "running" | "state" | "trouble">;
}

export interface Presence {
  readonly id: string;
  /** Removes the row. Never rejects. */
  stop(): Promise<void>;
}

/**
 * Shows by a row of slabmend.workers that this process works for the database, and logs when other processes share the
 * work. A row that cannot be written does no harm; the write is retried.
 */
export function startPresence(options: PresenceOptions): Presence {
  const { ask, clock, logger, command, describe } = options;
  const id = randomUUID();
  const host = hostname();
  const lines = new RepeatedLines(clock);
  const known = new Set<string>();
  let isStopped = false;
  let cancel = (): void => {};
  let beating = Promise.resolve();

  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const said = lines.note(what, error);
      if (said !== undefined) logger.warn({ error, ...said }, what);
    }
  };
  const beat = (): void => {
    beating = attempt("this worker could not write its heartbeat", async () => {
      await ask((sql) => tellAlive(sql, { id, command, host, pid: process.pid, ...describe() }));
      sayOthers(logger, known, await ask(listWorkers), id);
    }).then(() => {
      if (!isStopped) cancel = clock.after(WORKER_HEARTBEAT_MS, beat);
    });
  };
  beat();
  return {
    id,
    async stop() {
      isStopped = true;
      cancel();
      await beating;
      await attempt("this worker could not remove its row from slabmend.workers", () =>
        ask((sql) => tellEnded(sql, id)),
      );
    },
  };
}

/** Logs one line for each new worker, and one line for each worker that is gone. */
function sayOthers(logger: Logger, known: Set<string>, workers: readonly SeenWorker[], own: string): void {
  const alive = workers.filter(({ id, isAlive }) => isAlive && id !== own);
  for (const { id, command, host, pid } of alive) {
    if (known.has(id)) continue;
    known.add(id);
    logger.info({ other: `${command} ${pid} on ${host}` }, "another worker shares the work on this database");
  }
  for (const id of known) {
    if (alive.some((other) => other.id === id)) continue;
    known.delete(id);
    logger.info({ workers: alive.length + 1 }, "another worker no longer works on this database");
  }
}
