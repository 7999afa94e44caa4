/** Asks hosts to prove one leaf of each sector of a batch, all in parallel, as indexd's own integrity check does. */
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import type { CheckClaim } from "../../database/verify/record-checks.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { type LeafAnswer, proveLeaf } from "../repair/prove-leaf.ts";

/**
 * Time limit of one proof. It includes waiting for other requests of the batch, then the connection, the host's prices
 * and a round trip.
 */
export const PROOF_MS = 20_000;

export interface Asking {
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** The part of a claim needed for the request. */
type Asked = Pick<CheckClaim, "root" | "hostId">;

export interface Answers<Claim = CheckClaim> {
  readonly answers: readonly { readonly claim: Claim; readonly answer: LeafAnswer }[];
  readonly hastings: bigint;
}

export async function askHosts<Claim extends Asked>(
  asking: Asking,
  claims: readonly Claim[],
  hostOf: (claim: Claim) => NetworkHost | undefined,
): Promise<Answers<Claim>> {
  let hastings = 0n;
  const terms = {
    signal: asking.signal,
    deadlineMs: PROOF_MS,
    onCharged: (cost: bigint): void => {
      hastings += cost;
    },
  };
  const answers = await Promise.all(
    claims.map(async (claim) => {
      const host = hostOf(claim);
      const answer: LeafAnswer =
        host === undefined
          ? { kind: "unanswered", code: "unknown-host" }
          : await proveLeaf(asking, { root: claim.root, host }, terms);
      return { claim, answer };
    }),
  );
  return { answers, hastings };
}
