import type { ISql } from "postgres";

/**
 * The hash (32 bytes) of the private key of the wallet with which indexd first started; undefined: it has never
 * started.
 */
export async function readWalletHash(sql: ISql): Promise<Uint8Array | undefined> {
  const [row] = await sql<{ wallet_hash: Uint8Array | null }[]>`
    select wallet_hash from public.global_settings where id = 0`;
  return row?.wallet_hash ?? undefined;
}
