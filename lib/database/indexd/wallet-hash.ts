import type { ISql } from "postgres";

/** 32 bytes: the hash of the private key of the wallet with which indexd first started; undefined before the first start. */
export async function readWalletHash(sql: ISql): Promise<Uint8Array | undefined> {
  const [row] = await sql<{ wallet_hash: Uint8Array | null }[]>`
    select wallet_hash from public.global_settings where id = 0`;
  return row?.wallet_hash ?? undefined;
}
