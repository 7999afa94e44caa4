import type { ISql, Sql } from "postgres";
import * as v from "valibot";
import { retryTransaction } from "../../../lib/database/client/retry-transaction.ts";
import { slabDigest } from "../../../lib/slab/digest.ts";
import { parseRoot, type SlabDigest } from "../../../lib/slab/ids.ts";
import { AppApiError } from "./app-api-error.ts";
import { Base64, Count, Hash, hexText, Key } from "./wire-text.ts";

/** `uploadedAt`, which newer SDKs send, is ignored, as indexd ignores it. */
const SlabPin = v.object({
  version: v.pipe(Count, v.maxValue(1)),
  encryptionKey: v.pipe(Base64, v.length(32)),
  minShards: v.pipe(Count, v.minValue(1)),
  sectors: v.array(v.object({ root: Hash, hostKey: Key })),
});
type SlabPin = v.InferOutput<typeof SlabPin>;
export const SlabPins = v.array(SlabPin);

/**
 * Does the same as indexd's PinSlabs: stores slabs under their digests and sectors under their roots, and updates the
 * counts. Sectors are unpinned until a contract has them.
 * @returns the digests, which the SDK compares with its own
 */
export async function pinSlabs(
  sql: Sql,
  accountId: number,
  slabs: readonly SlabPin[],
): Promise<SlabDigest[]> {
  return await retryTransaction(
    "pin slabs",
    () =>
      sql.begin(async (tx) => {
        const digests: SlabDigest[] = [];
        const unpinnedHostIds: number[] = [];
        for (const slab of slabs) {
          const { digest, newOnHosts } = await pinSlab(tx, accountId, slab);
          digests.push(digest);
          unpinnedHostIds.push(...newOnHosts);
        }
        await countUnpinned(tx, unpinnedHostIds);
        return digests;
      }) as Promise<SlabDigest[]>,
  );
}

async function pinSlab(tx: ISql, accountId: number, slab: SlabPin) {
  const { version, minShards, encryptionKey, sectors } = slab;
  const roots = sectors.map(({ root }) => parseRoot(hexText(root)));
  const digest = slabDigest({ version, minShards, encryptionKey, roots });
  const [row] = await tx<{ id: string; is_new: boolean }[]>`
    insert into slabs (digest, encryption_key, min_shards, version)
    values (${Buffer.from(digest, "hex")}, ${encryptionKey}, ${minShards}, ${version})
    on conflict (digest) do update set pinned_at = now()
    returning id::text, old.id is null as is_new`;
  const slabId = row!.id;
  if (row!.is_new) await tx`insert into stats_deltas (stat_name, stat_delta) values ('num_slabs', 1)`;
  await tx`
    insert into account_slabs (account_id, slab_id) values (${accountId}, ${slabId}) on conflict do nothing`;
  const newOnHosts: number[] = [];
  const inRootOrder = [...sectors.entries()].toSorted(([, a], [, b]) => Buffer.compare(a.root, b.root));
  for (const [index, { root, hostKey }] of inRootOrder) {
    const [sector] = await tx<{ id: string; host_id: number; is_new: boolean }[]>`
      insert into sectors (sector_root, host_id, next_integrity_check)
      select ${root}, h.id, now() + interval '6 hours' from hosts h where h.public_key = ${hostKey}
      on conflict (sector_root) do update
        set uploaded_at = now(), host_id = coalesce(sectors.host_id, excluded.host_id)
      returning id::text, host_id, old.host_id is null as is_new`;
    if (sector === undefined) throw new AppApiError(400, `no host has the key ${hexText(hostKey)}`);
    if (sector.is_new) newOnHosts.push(sector.host_id);
    await tx`
      insert into slab_sectors (slab_id, slab_index, sector_id) values (${slabId}, ${index}, ${sector.id})
      on conflict (slab_id, slab_index) do nothing`;
  }
  return { digest, newOnHosts };
}

/** Locks the hosts after all other rows and in the order of their ids, as indexd's pinning and a repair's commit do. */
async function countUnpinned(tx: ISql, hostIds: readonly number[]): Promise<void> {
  if (hostIds.length === 0) return;
  await tx`select from hosts where id = any (${hostIds as number[]}::integer[]) order by id for no key update`;
  await tx`
    update hosts h set unpinned_sectors = h.unpinned_sectors + n.sectors
    from (select id, count(*) as sectors from unnest(${hostIds as number[]}::integer[]) as u (id) group by id) n
    where n.id = h.id`;
  await tx`insert into stats_deltas (stat_name, stat_delta) values ('num_unpinned_sectors', ${hostIds.length})`;
}
