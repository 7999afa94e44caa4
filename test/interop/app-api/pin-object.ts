import type { Sql } from "postgres";
import * as v from "valibot";
import { hash256, verifyHash } from "../../../lib/rhp4/signing.ts";
import { AppApiError } from "./app-api-error.ts";
import { Base64, Count, Hash, Signature } from "./wire-text.ts";

const SealedKey = v.pipe(Base64, v.length(72));

export const ObjectPin = v.object({
  id: Hash,
  encryptedDataKey: SealedKey,
  slabs: v.array(v.object({ id: Hash, offset: Count, length: Count })),
  dataSignature: Signature,
  encryptedMetadataKey: v.optional(SealedKey),
  encryptedMetadata: v.optional(Base64),
  metadataSignature: Signature,
});
type ObjectPin = v.InferOutput<typeof ObjectPin>;

/** The object's account, and the account's key, which signed the request and must have signed the object. */
interface Owner {
  readonly accountId: number;
  readonly signer: Uint8Array;
}

/**
 * Pins an object whose slabs the account has pinned, and gives the object's event the current time.
 * @throws {AppApiError} 400
 */
export async function pinObject(sql: Sql, { accountId, signer }: Owner, object: ObjectPin): Promise<void> {
  const { id, encryptedDataKey, dataSignature, metadataSignature } = object;
  const metaKey = object.encryptedMetadataKey ?? Buffer.alloc(0);
  const metadata = object.encryptedMetadata ?? Buffer.alloc(0);
  requireSignature("data", [id, encryptedDataKey], dataSignature, signer);
  requireSignature("metadata", [id, metaKey, metadata], metadataSignature, signer);
  await sql.begin(async (tx) => {
    const [row] = await tx<{ id: string }[]>`
      insert into objects (object_key, account_id, encrypted_data_key, encrypted_meta_key, encrypted_metadata,
        data_signature, meta_signature)
      values (${id}, ${accountId}, ${encryptedDataKey}, ${object.encryptedMetadataKey ?? null},
        ${object.encryptedMetadata ?? null}, ${dataSignature}, ${metadataSignature})
      on conflict (account_id, object_key) do update set encrypted_data_key = excluded.encrypted_data_key,
        encrypted_meta_key = excluded.encrypted_meta_key, encrypted_metadata = excluded.encrypted_metadata,
        data_signature = excluded.data_signature, meta_signature = excluded.meta_signature, updated_at = now()
      returning id::text`;
    await tx`
      insert into object_events (object_key, account_id, was_deleted) values (${id}, ${accountId}, false)
      on conflict (account_id, object_key)
        do update set was_deleted = false, updated_at = date_trunc('second', now())`;
    await tx`delete from object_slabs where object_id = ${row!.id}`;
    for (const [index, slab] of object.slabs.entries()) {
      const pinned = await tx`
        insert into object_slabs (object_id, slab_digest, slab_index, slab_offset, slab_length)
        select ${row!.id}, s.digest, ${index}, ${slab.offset}, ${slab.length}
        from slabs s join account_slabs a on a.slab_id = s.id and a.account_id = ${accountId}
        where s.digest = ${slab.id}`;
      if (pinned.count !== 1) throw new AppApiError(400, "the object has a slab that is not pinned");
    }
  });
}

function requireSignature(
  what: string,
  signed: readonly Uint8Array[],
  signature: Uint8Array,
  signer: Uint8Array,
): void {
  if (verifyHash(hash256(Buffer.concat(signed)), signer, signature)) return;
  throw new AppApiError(400, `the signature of the object's ${what} is wrong`);
}
