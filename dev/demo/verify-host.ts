/**
 * The verification at the end of the demo. Sectors vanish from a host's disk while the database still records them
 * there; then a maintenance run asks the host for all its sectors.
 */
import type { Sql } from "postgres";
import { systemClock } from "../../lib/clock/clock.ts";
import { parseEnvironment } from "../../lib/config/parse-environment.ts";
import { startRun } from "../../lib/database/runs/maintenance-runs.ts";
import { countHostSectors } from "../../lib/database/verify/read-scope.ts";
import type { VerifyScope } from "../../lib/jobs/verify/verify-run.ts";
import { statisticsOf } from "../../lib/jobs/verify/verify-run.ts";
import type { Root } from "../../lib/slab/ids.ts";
import { createLogger } from "../../lib/telemetry/logger.ts";
import { MAINTENANCE_VARIABLES, openMaintenance } from "../../lib/worker/open-maintenance.ts";
import { DemoError } from "./demo-error.ts";
import type { DemoHost } from "./register-hosts.ts";

export interface Verification {
  /** Sectors that vanished. */
  readonly planted: number;
  readonly checked: number;
  readonly confirmed: number;
  readonly denied: number;
  /** Whether the host denied exactly the vanished sectors, and none of them was recorded as lost. */
  readonly foundAll: boolean;
}

const LIMIT_MS = 60_000;

/** @param wanted how many sectors shall vanish; fewer vanish if no healthy host has that many */
export async function verifyHost(
  sql: Sql,
  parts: {
    readonly hosts: readonly DemoHost[];
    readonly wanted: number;
    readonly migrationSeed: Uint8Array;
    readonly random: () => number;
    readonly signal: AbortSignal;
  },
): Promise<Verification> {
  const { hosts, wanted, migrationSeed, random, signal } = parts;
  const host = await fullestHost(sql, hosts);
  const rows = await sql<{ root: Root }[]>`
    select encode(s.sector_root, 'hex') as root from sectors s where s.host_id = ${host.row.id} order by s.sector_root`;
  const planted = rows
    .map(({ root }) => ({ root, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    // At least one sector stays on the host, so that the host also has something to prove.
    .slice(0, Math.min(wanted, rows.length - 1))
    .map(({ root }) => root);
  for (const root of planted) await host.swarm.dropSector(root);
  const sectors = await countHostSectors(sql, host.row.id);
  const scope: VerifyScope = { of: "host", host: host.row.hostKey, sectors, sample: null };
  const started = await startRun(sql, { kind: "verify", scope, owner: "demo" });
  const coordinator = openMaintenance({
    environment: parseEnvironment(MAINTENANCE_VARIABLES, {
      SLABMEND_MIGRATION_SEED: Buffer.from(migrationSeed).toString("hex"),
      SLABMEND_ALLOW_PRIVATE_ADDRESSES: "true",
    }),
    clock: systemClock,
    logger: createLogger("silent", { indexer: "default" }),
    signal,
  });
  const run = await coordinator
    .advance((statements) => statements(sql), LIMIT_MS)
    .finally(() => coordinator.close());
  signal.throwIfAborted();
  const { passed: checked, confirmed, denied } = statisticsOf(run ?? started);
  const denials = await sql<{ root: Root }[]>`
    select encode(d.root, 'hex') as root
    from slabmend.denials d join sectors s on s.id = d.sector_id and s.host_id = d.host_id
    where d.host_id = ${host.row.id} and d.state = 'open' and d.last_denied_at >= ${started.startedAt}`;
  const found = new Set(denials.map(({ root }) => root));
  return {
    planted: planted.length,
    checked,
    confirmed,
    denied,
    foundAll:
      run?.state === "done" &&
      found.size === planted.length &&
      denied === planted.length &&
      planted.every((root) => found.has(root)),
  };
}

/** The healthy host with the most sectors. */
async function fullestHost(sql: Sql, hosts: readonly DemoHost[]): Promise<DemoHost> {
  const counts = await sql<{ id: number }[]>`
    select h.id from hosts h join sectors s on s.host_id = h.id
    where not exists (select from hosts_blocklist b where b.public_key = h.public_key)
      and not exists (select from contracts c where c.host_id = h.id and not c.good)
      and not exists (select from slabmend.denials d where d.host_id = h.id and d.state = 'open')
    group by h.id order by count(*) desc, h.id`;
  const [first] = counts.map(({ id }) => hosts.find(({ row }) => row.id === id)!);
  if (first !== undefined) return first;
  throw new DemoError({
    code: "no-host-to-verify",
    message: "--verify: expected a healthy host with sectors after the repairs, got none",
    remedy: "Use more hosts, or damage fewer.",
  });
}
