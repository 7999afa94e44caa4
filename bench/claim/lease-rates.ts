/**
 * The time to lease 100 slabs, commit included, compared with a bare update of 100 slabs; and the order in which slabs
 * are leased.
 */
import postgres, { type Sql } from "postgres";
import { type BatchRequest, leaseBatch } from "../../lib/database/leases/lease-batch.ts";
import { percentiles, round, timed } from "./samples.ts";

const BATCH = 100;

export const request: BatchRequest = {
  order: "urgency",
  urgencyAbove: -1,
  waitedMs: 86_400_000,
  maxLeases: BATCH,
  maxInFlight: null,
  throughQueue: true,
  holdMs: 36_000_000,
  graceMs: 3_600_000,
  dangerAbove: 1e-4,
};

export const client = (url: string): Sql =>
  postgres(url, { max: 1, prepare: false, fetch_types: false, onnotice: () => {} });

/**
 * Times one claimer, and after each of its batches a bare update of 100 random slabs, so that both run under the same
 * load.
 */
export async function leaseAlone(
  url: string,
  { slabs, batches }: { readonly slabs: number; readonly batches: number },
) {
  const sql = client(url);
  const leasing: number[] = [];
  const bare: number[] = [];
  const leased: bigint[] = [];
  for (let n = 0; n < batches; n++) {
    const batch = await timed(leasing, () => leaseBatch(sql, request));
    leased.push(...batch.leases.map(({ slabId }) => slabId));
    if (batch.leases.length < BATCH) leasing.pop();
    const ids = Array.from({ length: BATCH }, () => String(1 + Math.floor(Math.random() * slabs)));
    // This update does not change next_repair_attempt, because a leased slab's lease is identified by that column's
    // value.
    await timed(
      bare,
      () => sql`
      update slabs set consecutive_failed_repairs = consecutive_failed_repairs
      where id = any (array(select jsonb_array_elements_text(${JSON.stringify(ids)}::text::jsonb)::bigint))`,
    );
    if (batch.dry) break;
  }
  await sql.end();
  // The first batch is reported apart from the others: its time includes planning, which a connection does at its first
  // call.
  const [firstMs = Number.NaN] = leasing.splice(0, 1);
  const ours = percentiles(leasing);
  const theirs = percentiles(bare);
  return {
    leased,
    result: {
      firstMs: round(firstMs),
      leasing: ours,
      bare: theirs,
      leasesPerSecond: round((ours.count * BATCH * 1000) / leasing.reduce((sum, ms) => sum + ms, 0)),
      medianRatio: round(ours.medianMs / theirs.medianMs),
    },
  };
}

/**
 * Times claimers that lease batch after batch at the same time, until `mostLeases` leases are made or no slab is left.
 */
export async function leaseTogether(url: string, claimers: number, mostLeases: number) {
  const clients = Array.from({ length: claimers }, () => client(url));
  await Promise.all(clients.map((sql) => sql`select 1`));
  const samples: number[] = [];
  const leased: bigint[] = [];
  const startedAt = performance.now();
  await Promise.all(
    clients.map(async (sql) => {
      while (leased.length < mostLeases) {
        const batch = await timed(samples, () => leaseBatch(sql, request));
        leased.push(...batch.leases.map(({ slabId }) => slabId));
        if (batch.leases.length < BATCH) samples.pop();
        if (batch.dry) break;
      }
    }),
  );
  const tookMs = performance.now() - startedAt;
  await Promise.all(clients.map((sql) => sql.end()));
  return {
    leased,
    result: {
      claimers,
      leasing: percentiles(samples),
      leasesPerSecond: round((leased.length * 1000) / tookMs),
    },
  };
}

/**
 * The slabs closest to loss that can still be saved, each with its number of live sectors. All slabs have the same code
 * here, so the fewer live sectors, the closer to loss. The result has more than `count` slabs if further slabs are as
 * close to loss as slab number `count`.
 */
export async function nearestToLoss(sql: Sql, count: number): Promise<Map<bigint, number>> {
  const rows = await sql<{ slab_id: string; live: number }[]>`
    select ss.slab_id::text, count(s.host_id)::integer as live
    from slab_sectors ss join sectors s on s.id = ss.sector_id
    group by ss.slab_id having count(s.host_id) between 10 and count(*) - 1
    order by live, ss.slab_id limit ${count * 50}`;
  const lives = rows.map(({ live }) => live);
  const last = lives[Math.min(count, lives.length) - 1] ?? 0;
  return new Map(rows.filter(({ live }) => live <= last).map((row) => [BigInt(row.slab_id), row.live]));
}

/**
 * The number of leases until the `count` slabs closest to loss were leased; null if they were not all leased. Among
 * slabs with as many live sectors as slab number `count`, it does not matter which ones were leased.
 */
export function leasesUntilNearest(
  order: readonly bigint[],
  nearest: ReadonlyMap<bigint, number>,
  count: number,
): number | null {
  const last = Math.max(...nearest.values());
  let nearer = [...nearest.values()].filter((live) => live < last).length;
  let left = Math.min(count, nearest.size);
  for (const [place, slabId] of order.entries()) {
    const live = nearest.get(slabId);
    if (live === undefined) continue;
    left--;
    if (live < last) nearer--;
    if (left <= 0 && nearer <= 0) return place + 1;
  }
  return null;
}

/** The unhealthy slabs in indexd's order: by the id of their first lost sector. */
export async function orderBySectorId(sql: Sql): Promise<bigint[]> {
  const rows = await sql<{ slab_id: string }[]>`
    select ss.slab_id::text from slab_sectors ss join sectors s on s.id = ss.sector_id
    where s.host_id is null group by ss.slab_id order by min(s.id)`;
  return rows.map(({ slab_id }) => BigInt(slab_id));
}
