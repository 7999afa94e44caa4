import { randomUUID } from "node:crypto";
import type { Sql } from "postgres";
import type { SeededHost, SeededSlab } from "../indexd/seed-indexd.ts";

const SECTOR_BYTES = 4_194_304;
/** A hasting is 10^-24 siacoins. */
const HASTINGS_A_SECTOR = 10n ** 22n;

const MOST_AN_HOUR = 40;

interface JournalSeed {
  readonly slabs: readonly SeededSlab[];
  readonly hosts: readonly SeededHost[];
  readonly hours: number;
  readonly next: () => number;
}

/** Seeds the journal with finished repairs: many in some hours, few in others, as by day and by night. */
export async function seedJournal(sql: Sql, { slabs, hosts, hours, next }: JournalSeed): Promise<void> {
  const rows = Array.from({ length: hours * MOST_AN_HOUR }, (_, n) => {
    const ageSeconds = Math.round(((n + next()) * 3_600) / MOST_AN_HOUR) + 5;
    const isKept = next() < 0.55 + 0.45 * Math.sin(ageSeconds / 13_000);
    const outcome = outcomeOf(next());
    return isKept ? rowOf({ outcome, ageSeconds, slabs, hosts, next }) : undefined;
  }).filter((row) => row !== undefined);
  await sql`
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, error, moves, bytes_read, bytes_written,
      hastings, phases_ms, worker, leased_at, began_at, finished_at)
    select r.token, r.slab_id, decode(r.digest, 'hex'), r.outcome, r.outcome, r.error, r.moves, r.bytes_read, r.bytes_written,
      r.hastings, r.phases_ms, 'indexer-1/1', clock_timestamp() - make_interval(secs => r.age + r.took + 2),
      clock_timestamp() - make_interval(secs => r.age + r.took), clock_timestamp() - make_interval(secs => r.age)
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as r (token uuid, slab_id bigint, digest text, outcome text,
      error text, moves jsonb, bytes_read bigint, bytes_written bigint, hastings numeric, phases_ms jsonb, age float8, took float8)
    order by r.age desc`;
}

function outcomeOf(chance: number): string {
  if (chance < 0.86) return "repaired";
  if (chance < 0.92) return "healthy";
  if (chance < 0.96) return "partial-refused";
  return chance < 0.985 ? "no-candidates" : "partial-deadline";
}

function rowOf({
  outcome,
  ageSeconds,
  slabs,
  hosts,
  next,
}: Pick<JournalSeed, "slabs" | "hosts" | "next"> & {
  readonly outcome: string;
  readonly ageSeconds: number;
}) {
  const slab = slabs[Math.floor(next() * slabs.length)]!;
  const moved = outcome === "repaired" || outcome.startsWith("partial") ? 1 + Math.floor(next() * 5) : 0;
  const moves = Array.from({ length: moved }, (_, n) => {
    const isCopy = next() < 0.6;
    return {
      index: n * 3,
      root: slab.sectors[n * 3]!.root,
      from: isCopy ? hosts.at(-1 - n)!.hostKey : null,
      to: hosts[Math.floor(next() * (hosts.length - 8))]!.hostKey,
      how: isCopy ? "copied" : "rebuilt",
    };
  });
  const rebuilt = moves.filter(({ how }) => how === "rebuilt").length;
  const read = outcome === "healthy" ? 0 : (moved - rebuilt + (rebuilt > 0 ? 10 : 0)) * SECTOR_BYTES;
  return {
    token: randomUUID(),
    slab_id: String(slab.id),
    digest: slab.digest,
    outcome,
    error: null,
    moves,
    bytes_read: read,
    bytes_written: moved * SECTOR_BYTES,
    hastings: String(HASTINGS_A_SECTOR * BigInt(moved * 3 + (read > 0 ? 10 : 0))),
    phases_ms: { begin: 12, plan: 30, transfer: Math.round(2_000 + next() * 9_000), commit: 25 },
    age: ageSeconds,
    took: 1 + next() * 12,
  };
}
