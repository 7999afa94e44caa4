import type { ISql } from "postgres";
import type { LeaseToken } from "../slab/ids.ts";
import { DEFAULT_LEASE_MS } from "./begin-repair.ts";

/**
 * A heartbeat: the running lease lasts `leaseMs` from now on. False: it expired, was reaped, or indexd took the slab;
 * the worker stops at once. Not retried: the next heartbeat is.
 */
export async function extendLease(
  sql: ISql,
  token: LeaseToken,
  leaseMs = DEFAULT_LEASE_MS,
): Promise<boolean> {
  const [row] = await sql<{ extended: boolean }[]>`
    select slabmend.extend_lease(${token}::uuid, ${leaseMs}::bigint) as extended`;
  return row!.extended;
}
