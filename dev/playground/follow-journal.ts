import type { ISql } from "postgres";

export interface EndedRepair {
  readonly id: string;
  readonly slabId: string;
  readonly outcome: string;
  readonly copied: number;
  readonly rebuilt: number;
}

/** Reads the repairs that ended after the journal row `after`, in the order in which they ended. */
export async function readEndedRepairs(sql: ISql, after: string): Promise<EndedRepair[]> {
  return sql<EndedRepair[]>`
    select j.id::text, j.slab_id::text as "slabId", j.outcome,
      (select count(*)::integer from jsonb_array_elements(j.moves) m where m->>'how' = 'copied') as copied,
      (select count(*)::integer from jsonb_array_elements(j.moves) m where m->>'how' = 'rebuilt') as rebuilt
    from slabmend.journal j where j.id > ${after}::bigint order by j.id`;
}

/** One line for people. */
export function describeRepair({ slabId, outcome, copied, rebuilt }: EndedRepair): string {
  const moved = [
    ...(copied > 0 ? [`${copied} ${copied === 1 ? "sector" : "sectors"} copied`] : []),
    ...(rebuilt > 0 ? [`${rebuilt} ${rebuilt === 1 ? "sector" : "sectors"} rebuilt`] : []),
  ];
  return `slab ${slabId}: ${[outcome, ...moved].join(", ")}`;
}
