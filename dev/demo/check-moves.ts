/** Rule 3: a sector moves only from a host where the demo gave it a reason to move. */
import type { ISql } from "postgres";
import { type HostId, parseRoot, type Root } from "../../lib/slab/ids.ts";

export interface RecordedMove {
  readonly root: Root;
  readonly from: HostId;
  /** Whether a denial of the sector by the host `from` is recorded. */
  readonly denied: boolean;
}

/** @param left hosts that sectors must leave: dead, blocked, without a good contract, or being drained */
export function unneededMoves(moves: readonly RecordedMove[], left: ReadonlySet<HostId>): string[] {
  return moves
    .filter(({ from, denied }) => !left.has(from) && !denied)
    .map(({ root, from }) => `sector ${root} was moved off host ${from}, where it could have stayed`);
}

/**
 * Reads the moves of sectors that had a host. A denial that caused a move still has its row in
 * `slabmend.denials`: the row now records the earlier location.
 */
export async function readMoves(sql: ISql): Promise<RecordedMove[]> {
  const rows = await sql<{ root: string; from: HostId; denied: boolean }[]>`
    select m->>'root' as root, h.id as "from",
      exists (select from slabmend.denials d where d.root = decode(m->>'root', 'hex') and d.host_id = h.id) as denied
    from slabmend.journal j cross join lateral jsonb_array_elements(j.moves) m
    join hosts h on h.public_key = decode(m->>'from', 'hex')`;
  return rows.map(({ root, from, denied }) => ({ root: parseRoot(root), from, denied }));
}
