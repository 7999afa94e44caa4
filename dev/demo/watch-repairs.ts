import type { ISql } from "postgres";
import { readNetworkSnapshot } from "../../lib/database/indexd/network-snapshot.ts";
import { readSlab } from "../../lib/database/indexd/read-slab.ts";
import { planRepair } from "../../lib/placement/plan-repair.ts";
import type { Root, SlabId } from "../../lib/slab/ids.ts";
import { parseRoot, parseSlabId } from "../../lib/slab/ids.ts";
import { arrayLiteral } from "./array-literal.ts";
import type { DamagedSector } from "./inflict-damage.ts";
import type { DemoHost } from "./register-hosts.ts";

/** The progress of the repairs. */
export interface RepairState {
  /** Damaged sectors that still must move. */
  readonly open: readonly { readonly slabId: SlabId; readonly root: Root }[];
  readonly openSlabs: number;
  /** How each moved sector was obtained, according to the journal. The keys are the sectors' roots. */
  readonly moved: ReadonlyMap<Root, "copied" | "rebuilt" | "found">;
  /** Sectors that repairs recorded as lost. */
  readonly foundLost: number;
  readonly liveLeases: number;
  /** Slabs with moved sectors whose objects' events were not bumped yet. */
  readonly unsentEvents: number;
  /** Finished repairs, including crashed ones. */
  readonly endedRepairs: number;
  /** Leases that expired while a repair was running, and were reaped. */
  readonly expiredLeases: number;
  /** Time until the first open slab may be claimed; 0: now. */
  readonly nextAttemptMs: number;
  /** The outcome of each open slab's last repair, without duplicates. */
  readonly lastOutcomes: readonly string[];
}

/**
 * Runs two statements. For both to read the same snapshot, the caller's transaction needs isolation level repeatable
 * read.
 */
export async function readRepairState(sql: ISql, damage: readonly DamagedSector[]): Promise<RepairState> {
  const damaged = new Set(damage.map(({ root }) => root));
  const slabIds = [...new Set(damage.map(({ slabId }) => String(slabId)))];
  const [row] = await sql<
    {
      open: { slab: string; root: string }[];
      moves: { root: string; how: "copied" | "rebuilt" | "found" }[];
      lost: number;
      outbox: number;
      ended: number;
      expired: number;
    }[]
  >`
    select
      (select coalesce(jsonb_agg(jsonb_build_object('slab', m.slab_id::text, 'root', encode(s.sector_root, 'hex'))), '[]')
        from slabmend.sectors_to_move(${arrayLiteral(slabIds)}::bigint[]) m join sectors s on s.id = m.sector_id) as open,
      (select coalesce(jsonb_agg(jsonb_build_object('root', m->>'root', 'how', m->>'how') order by j.id), '[]')
        from slabmend.journal j cross join lateral jsonb_array_elements(j.moves) m) as moves,
      (select coalesce(sum(jsonb_array_length(j.lost)), 0)::integer from slabmend.journal j) as lost,
      (select count(*)::integer from slabmend.moved) as outbox,
      (select count(*)::integer from slabmend.journal) as ended,
      (select count(*)::integer from slabmend.journal where outcome = 'crashed') as expired`;
  const open = row!.open
    .map(({ slab, root }) => ({ slabId: parseSlabId(slab), root: parseRoot(root) }))
    .filter(({ root }) => damaged.has(root));
  const openSlabs = [...new Set(open.map(({ slabId }) => String(slabId)))];
  const [wait] = await sql<{ live: number; ms: number; outcomes: string[] }[]>`
    select (select count(*)::integer from slabmend.leases) as live,
      coalesce(min(extract(epoch from s.next_repair_attempt - clock_timestamp()) * 1000), 0)::float8 as ms,
      coalesce(jsonb_agg(distinct coalesce(r.last_outcome, 'none')), '[]') as outcomes
    from slabs s left join slabmend.repairs r on r.slab_id = s.id where s.id = any (${arrayLiteral(openSlabs)}::bigint[])`;
  return {
    open,
    openSlabs: openSlabs.length,
    moved: new Map(row!.moves.map(({ root, how }) => [parseRoot(root), how])),
    foundLost: row!.lost,
    liveLeases: wait!.live,
    unsentEvents: row!.outbox,
    endedRepairs: row!.ended,
    expiredLeases: row!.expired,
    nextAttemptMs: Math.max(0, wait!.ms),
    lastOutcomes: wait!.outcomes,
  };
}

/** Returns those of the given slabs for which at least one host may take a moved sector. */
export async function slabsWithDestination(
  sql: ISql,
  slabIds: readonly SlabId[],
  minHostDistanceKm: number,
): Promise<SlabId[]> {
  const network = await readNetworkSnapshot(sql, { minHostDistanceKm });
  const found: SlabId[] = [];
  for (const slabId of new Set(slabIds)) {
    const slab = await readSlab(sql, slabId);
    if (slab === undefined) continue;
    const limits = { maxUnpinnedPerHost: Number.MAX_SAFE_INTEGER };
    const plan = planRepair({ slab, network, limits, random: () => 0.5, score: () => 1 });
    if (plan.kind === "repair" && plan.candidates.length > 0) found.push(slabId);
  }
  return found;
}

/** The hosts' counters since their start. */
export interface Traffic {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly hastings: bigint;
}

export async function readTraffic(hosts: readonly DemoHost[]): Promise<Traffic> {
  const counters = await Promise.all(hosts.map(({ swarm }) => swarm.counters()));
  return {
    bytesRead: counters.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
    bytesWritten: counters.reduce((sum, { bytesWritten }) => sum + bytesWritten, 0),
    hastings: counters.reduce((sum, { hastingsCharged }) => sum + hastingsCharged, 0n),
  };
}
