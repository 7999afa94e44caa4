import type { ISql } from "postgres";
import { AppApiError } from "./app-api-error.ts";
import { base64Text, hexText, keyText } from "./wire-text.ts";

interface ObjectRow {
  readonly id: string;
  readonly encrypted_data_key: Buffer;
  readonly encrypted_meta_key: Buffer | null;
  readonly encrypted_metadata: Buffer | null;
  readonly data_signature: Buffer;
  readonly meta_signature: Buffer;
  readonly created_at: Date;
  readonly updated_at: Date;
}

interface SlabRow {
  readonly offset: number;
  readonly length: number;
  readonly version: number;
  readonly encryption_key: Buffer;
  readonly min_shards: number;
  /** In slab order. */
  readonly sectors: readonly { readonly root: string; readonly host: string | null }[];
}

/** The host key that indexd lists for a lost sector. */
const NO_HOST = keyText(Buffer.alloc(32));

export async function readObject(sql: ISql, accountId: number, key: Uint8Array): Promise<unknown> {
  const [object] = await sql<ObjectRow[]>`
    select id::text, encrypted_data_key, encrypted_meta_key, encrypted_metadata, data_signature, meta_signature,
      created_at, updated_at
    from objects where account_id = ${accountId} and object_key = ${key}`;
  if (object === undefined) throw new AppApiError(404, "the account has no such object");
  const slabs = await sql<SlabRow[]>`
    select os.slab_offset as offset, os.slab_length as length, s.version, s.encryption_key, s.min_shards,
      (select jsonb_agg(jsonb_build_object('root', encode(x.sector_root, 'hex'), 'host', encode(h.public_key, 'hex'))
          order by ss.slab_index)
        from slab_sectors ss join sectors x on x.id = ss.sector_id left join hosts h on h.id = x.host_id
        where ss.slab_id = s.id) as sectors
    from object_slabs os join slabs s on s.digest = os.slab_digest
    where os.object_id = ${object.id} order by os.slab_index`;
  return {
    encryptedDataKey: base64Text(object.encrypted_data_key),
    slabs: slabs.map(({ offset, length, version, encryption_key, min_shards, sectors }) => ({
      version,
      encryptionKey: base64Text(encryption_key),
      minShards: min_shards,
      offset,
      length,
      sectors: sectors.map(({ root, host }) => ({
        root,
        hostKey: host === null ? NO_HOST : `ed25519:${host}`,
      })),
    })),
    dataSignature: hexText(object.data_signature),
    ...(object.encrypted_meta_key && { encryptedMetadataKey: base64Text(object.encrypted_meta_key) }),
    ...(object.encrypted_metadata && { encryptedMetadata: base64Text(object.encrypted_metadata) }),
    metadataSignature: hexText(object.meta_signature),
    createdAt: object.created_at.toISOString(),
    updatedAt: object.updated_at.toISOString(),
  };
}

interface EventsPage {
  readonly after: string;
  readonly key: string;
  readonly limit: number;
}

/**
 * Lists the events after a cursor in the order of time, then key. Events of the current second are left out, because
 * more events may follow in this second.
 */
export async function listEvents(sql: ISql, accountId: number, page: EventsPage): Promise<unknown> {
  const rows = await sql<{ object_key: Buffer; was_deleted: boolean; updated_at: Date }[]>`
    select object_key, was_deleted, updated_at from object_events
    where account_id = ${accountId} and updated_at < date_trunc('second', now())
      and (updated_at, object_key) > (${page.after}::timestamptz, ${Buffer.from(page.key, "hex")})
    order by updated_at, object_key limit ${page.limit}`;
  return await Promise.all(
    rows.map(async ({ object_key, was_deleted, updated_at }) => ({
      key: hexText(object_key),
      deleted: was_deleted,
      updatedAt: updated_at.toISOString(),
      ...(!was_deleted && { object: await readObject(sql, accountId, object_key) }),
    })),
  );
}
