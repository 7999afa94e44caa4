import { hostname } from "node:os";
import type { Ask } from "../database/client/deadline-client.ts";
import {
  readLifecycle,
  releaseLifecycle,
  saveLifecycle,
  takeLifecycle,
} from "../database/lifecycle/lifecycle.ts";
import type { LifecycleStore } from "./control-loop.ts";

/**
 * The length of an indexer's lease: long enough for several steps of the control loop. If the lease's holder hangs or
 * has died, another process takes over after this time.
 */
const LEASE_MS = 60_000;
/** Time limit of a statement: short, so that a database that hangs is reported soon; the loop retries. */
const LIMIT_MS = 8_000;

/** The row of an indexer in its own database. @param command "serve", "reap", … */
export function createLifecycleStore(ask: Ask, command: string, leaseMs = LEASE_MS): LifecycleStore {
  const holder = `${command} ${process.pid} on ${hostname()}`;
  return {
    read: () => ask(readLifecycle, { isIdempotent: true, limitMs: LIMIT_MS }),
    take: (token) => ask((sql) => takeLifecycle(sql, { holder, token, leaseMs }), { limitMs: LIMIT_MS }),
    save: (token, step) => ask((sql) => saveLifecycle(sql, token, step), { limitMs: LIMIT_MS }),
    release: (token) => ask((sql) => releaseLifecycle(sql, token), { limitMs: LIMIT_MS }),
  };
}
