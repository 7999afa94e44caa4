import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { CallTerms, HostPool } from "../../hosts/host-pool.ts";
import { rangeRead } from "../../hosts/paid-rpc.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Root } from "../../slab/ids.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR } from "../../slab/sizes.ts";

export type LeafAnswer =
  | { readonly kind: "confirmed" }
  | { readonly kind: "denied"; readonly code: "not-found" | "corrupt" }
  | { readonly kind: "wrong-data" }
  /** Nothing was learned about the sector. */
  | { readonly kind: "unanswered"; readonly code: string };

/**
 * Asks a host to prove one leaf of a sector, chosen at random, as indexd's own integrity check does. The proof shows
 * that the host has this leaf; it does not show that the host has the whole sector. A host's failure is returned, never
 * thrown. Wrong data is also reported to the host pool.
 */
export async function proveLeaf(
  {
    hosts,
    kernel,
    random,
  }: { readonly hosts: HostPool; readonly kernel: Kernel; readonly random: () => number },
  { root, host }: { readonly root: Root; readonly host: NetworkHost },
  terms: CallTerms,
): Promise<LeafAnswer> {
  const leaf = new Uint8Array(LEAF_BYTES);
  const offset = Math.floor(random() * LEAVES_PER_SECTOR) * LEAF_BYTES;
  try {
    const { proof } = await hosts.call(host, rangeRead({ root, offset, into: leaf }), terms);
    if (kernel.verifyRangeProof({ root, offset, length: leaf.length, data: leaf, proof })) {
      return { kind: "confirmed" };
    }
    hosts.reportWrongData(host.hostKey);
    return { kind: "wrong-data" };
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    if (!error.meansLost) return { kind: "unanswered", code: error.code };
    return { kind: "denied", code: error.code === "sector-corrupt" ? "corrupt" : "not-found" };
  }
}
