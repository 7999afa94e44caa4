/**
 * The conditions of the states. A server creates a missing schema if its login has the privilege; other processes only
 * check the schema.
 */
import { type Clock, systemClock } from "../clock/clock.ts";
import { assertClocksAgree } from "../database/client/assert-clocks-agree.ts";
import type { Ask } from "../database/client/deadline-client.ts";
import { countLeases, countRunningLeases } from "../database/leases/count-leases.ts";
import { assertFleetMayWork } from "../database/schema/assert-fleet-may-work.ts";
import { describeSchema, type SchemaState } from "../database/schema/describe-schema.ts";
import type { DeletionResult } from "../database/schema/drop-schema.ts";
import { migrateDatabase } from "../database/schema/migrate-database.ts";
import { removeIndexer } from "../database/schema/remove-schema.ts";
import { OperatorError } from "../errors/operator-error.ts";
import type { Ensures } from "./control-loop.ts";

export type Removed = Extract<DeletionResult, { kind: "deleted" }>;

export interface EnsureOptions {
  readonly ask: Ask;
  readonly indexer: string;
  readonly acceptedVersion: number | undefined;
  readonly clock?: Clock;
  /**
   * True: this process creates a missing schema if its login has the privilege. False: only an operator's
   * command creates it.
   */
  readonly makes: boolean;
  /** Ends this process's own workers before everything is removed. False: some are still working. */
  readonly endUnits?: () => boolean;
  /** Called with what was removed. */
  readonly onRemoved?: (removed: Removed) => void;
}

/**
 * Time limit for creating, changing or removing the schema: building indexes and bumping events takes time in
 * proportion to the number of rows.
 */
const CHANGE_MS = 3_600_000;

export function createEnsures(options: EnsureOptions): Ensures {
  const { ask, indexer, acceptedVersion, clock = systemClock, makes } = options;
  const { endUnits = () => true, onRemoved = () => {} } = options;
  const check = async (): Promise<"done"> => {
    await ask((sql) => assertFleetMayWork(sql, acceptedVersion), { isIdempotent: true });
    await ask((sql) => assertClocksAgree(sql, clock), { isIdempotent: true });
    return "done";
  };
  return {
    async initializing(row) {
      if (row === undefined && makes) await makeSchema(ask, acceptedVersion);
      return await check();
    },
    running: check,
    repairing: check,
    async stopping() {
      return (await ask(countLeases, { isIdempotent: true })) === 0 ? "done" : "under-way";
    },
    stopped: async () => "done",
    async deleting(row, token) {
      assertMayRemove(await ask(describeSchema, { isIdempotent: true }), indexer);
      const running = await ask(countRunningLeases, { isIdempotent: true });
      if (running > 0 || !endUnits()) return "under-way";
      const { mode } = row!;
      if (mode.kind === "running") return "under-way";
      const removal = { token: token!, owner: mode.owner, reason: mode.reason };
      const result = await ask((sql) => removeIndexer(sql, removal, acceptedVersion), { limitMs: CHANGE_MS });
      if (result.kind !== "deleted") return "under-way";
      onRemoved(result);
      return "done";
    },
  };
}

/** If the login may not create the schema, does nothing: the first check then reports what is missing. */
async function makeSchema(ask: Ask, acceptedVersion: number | undefined): Promise<void> {
  const { version, mayCreate } = await ask(describeSchema, { isIdempotent: true });
  if (version > 0 || !mayCreate) return;
  await ask((sql) => migrateDatabase(sql, acceptedVersion), { limitMs: CHANGE_MS });
}

/** @throws {OperatorError} `lacks-right` */
export function assertMayRemove({ role, owner, mayDrop }: SchemaState, indexer: string): void {
  if (mayDrop) return;
  throw new OperatorError({
    code: "lacks-right",
    message: `role ${role}: expected it to own schema slabmend, got owner ${owner}`,
    remedy: `Run slabmend indexers delete ${indexer} with the database URL of ${owner}: it removes the rest of the indexer.`,
    details: { role },
  });
}
