/**
 * Upgrades indexd while workers repair: one transaction per version, as indexd does at its start, with a pause at each
 * intermediate version. Afterwards the script of grants runs again, as an operator would run it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { grantStatements } from "../../lib/database/schema/grant-statements.ts";
import { upgradeStatements } from "../indexd/indexd-schema.ts";
import { FLEET_ROLE } from "./open-database.ts";
import type { Progress } from "./progress.ts";

const POLL_MS = 50;
/** The pause at each version, so that claims, commits and flushes run on each of them. */
const REST_MS = 400;
const GRANT_AFTER_MS = 2_000;
const MOST_MS = 120_000;

export interface Upgrade {
  /** Resolves at the end of the upgrade. @throws if repairs did not start in time, or a step of the upgrade failed */
  readonly done: Promise<void>;
  /** The times of the events when indexd's publisher began to assign them, by the event's account and object key. */
  readonly eventsBefore: ReadonlyMap<string, string>;
}

export function upgradeInMidRun(parts: {
  readonly sql: Sql;
  readonly versions: readonly number[];
  readonly workers: number;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}): Upgrade {
  const { sql, versions, progress, signal } = parts;
  const eventsBefore = new Map<string, string>();
  const run = async (): Promise<void> => {
    await untilRepairsRun(sql, signal);
    for (const version of versions) {
      await sql.begin(async (tx) => {
        await tx.unsafe(upgradeStatements(version));
        // The times are read while the upgrade's lock keeps all writers out.
        if (version === 24) for (const [name, stamp] of await readStamps(tx)) eventsBefore.set(name, stamp);
      });
      progress.line(`indexd's database is at version ${version}`);
      await sleep(REST_MS, undefined, { signal });
    }
    await sleep(GRANT_AFTER_MS, undefined, { signal });
    // The script of grants has its own begin and commit, so it needs a connection of its own.
    const owner = await sql.reserve();
    await owner.unsafe(grantStatements({ role: FLEET_ROLE, concurrency: parts.workers }));
    owner.release();
  };
  return { done: run(), eventsBefore };
}

/** Waits until some sectors have moved while repairs are still running. */
async function untilRepairsRun(sql: Sql, signal: AbortSignal): Promise<void> {
  for (const endsAtMs = Date.now() + MOST_MS; Date.now() < endsAtMs; ) {
    const [row] = await sql<{ moved: boolean; running: boolean }[]>`
      select exists (select from slabmend.journal where moves <> '[]') as moved,
        exists (select from slabmend.leases where began_at is not null) as running`;
    if (row!.moved && row!.running) return;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new Error("the upgrade waited two minutes for one repair to end while another runs");
}

async function readStamps(sql: Pick<Sql, "unsafe">): Promise<[string, string][]> {
  const rows = await sql.unsafe<{ name: string; stamp: string }[]>(`
    select account_id || ' ' || encode(object_key, 'hex') as name,
      (extract(epoch from updated_at) * 1000000)::bigint::text as stamp
    from object_events where updated_at is not null`);
  return rows.map(({ name, stamp }) => [name, stamp]);
}
