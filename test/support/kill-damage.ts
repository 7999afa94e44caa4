/** Makes work for claim, repair and reap. Tests kill these functions while they do this work. */
import { type KillWorld, sendDeadLetter } from "./kill-world.ts";
import type { StoredSlab } from "./repair-world.ts";

/** Small slabs, each with a lost sector. */
export async function damagedSlabs(kill: KillWorld, count: number): Promise<StoredSlab[]> {
  const slabs: StoredSlab[] = [];
  for (let n = 0; n < count; n += 1) {
    const slab = await kill.world.storeSlab({ minShards: 1, totalShards: 3 });
    await kill.world.loseSector(slab, n % 3);
    slabs.push(slab);
  }
  return slabs;
}

/**
 * An expired running lease, an unsent lease, objects with pending events, a dead letter, old history and an old journal
 * row.
 */
export async function leaveWorkForReap(kill: KillWorld, slabs: readonly StoredSlab[]): Promise<void> {
  const { sql } = kill.world.database;
  const [crashed, unsent, told] = slabs as [StoredSlab, StoredSlab, StoredSlab];
  await kill.world.lease(crashed);
  await sql`update slabmend.leases set began_at = leased_at, worker = 'gone' where slab_id = ${String(crashed.id)}`;
  await kill.world.lease(unsent);
  await sql`update slabmend.leases set sent_at = null where slab_id = ${String(unsent.id)}`;
  await kill.hoursPass();
  // Only the first lease has expired; the unsent lease has not.
  await sql`update slabmend.leases set expires_at = now() + interval '1 hour' where slab_id = ${String(unsent.id)}`;
  await sql`insert into slabmend.moved (slab_id, digest, moved_at) values
    (${String(told.id)}, ${Buffer.from(told.digest, "hex")}, now())`;
  await sendDeadLetter(kill, "not a message of ours");
  await sql`insert into slabmend.repairs (slab_id, digest, last_outcome, finished_at, next_repair_attempt) values
    (${String(told.id)}, ${Buffer.from(told.digest, "hex")}, 'repaired', now() - interval '9 days', now() - interval '9 days')`;
  await sql`insert into slabmend.journal
      (token, slab_id, digest, outcome, reported_outcome, worker, leased_at, began_at, finished_at)
    select gen_random_uuid(), ${String(told.id)}, ${Buffer.from(told.digest, "hex")}, 'repaired', 'repaired', 'gone', t, t, t
    from (select now() - interval '91 days' as t) long_ago`;
}
