/** Asks hosts to prove one leaf of each sector of a batch, all at once: what indexd's own integrity check asks for. */
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import type { CheckClaim } from "../../database/verify/record-checks.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import { rangeRead } from "../../hosts/paid-rpc.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { LEAF_BYTES, LEAVES_PER_SECTOR } from "../../slab/sizes.ts";

/** A connection, prices and a round trip, behind others of the batch. */
const PROOF_MS = 20_000;

export type Answer =
  | { readonly kind: "confirmed" }
  | { readonly kind: "denied"; readonly code: "not-found" | "corrupt" }
  | { readonly kind: "wrong-data" }
  /** Nothing was learned of the sector. */
  | { readonly kind: "unanswered"; readonly code: string };

export interface Asking {
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

export interface Answers {
  readonly answers: readonly { readonly claim: CheckClaim; readonly answer: Answer }[];
  readonly hastings: bigint;
}

export async function askHosts(
  asking: Asking,
  claims: readonly CheckClaim[],
  hostOf: (claim: CheckClaim) => NetworkHost | undefined,
): Promise<Answers> {
  let hastings = 0n;
  const charge = (cost: bigint): void => {
    hastings += cost;
  };
  const answers = await Promise.all(
    claims.map(async (claim) => {
      const host = hostOf(claim);
      const answer: Answer =
        host === undefined
          ? { kind: "unanswered", code: "unknown-host" }
          : await provesLeaf(asking, claim, host, charge);
      return { claim, answer };
    }),
  );
  return { answers, hastings };
}

/** Asks one host for one leaf. */
export async function provesLeaf(
  { hosts, kernel, random, signal }: Asking,
  { root }: Pick<CheckClaim, "root">,
  host: NetworkHost,
  onCharged: (hastings: bigint) => void,
): Promise<Answer> {
  const leaf = new Uint8Array(LEAF_BYTES);
  const offset = Math.floor(random() * LEAVES_PER_SECTOR) * LEAF_BYTES;
  try {
    const { proof } = await hosts.call(host, rangeRead({ root, offset, into: leaf }), {
      signal,
      deadlineMs: PROOF_MS,
      onCharged,
    });
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
