/**
 * Verifies sectors with the hosts on which indexd has recorded them. A call of `advance` processes one batch:
 *
 *   read the next sectors -> claim them -> ask their hosts -> record answers, checkpoint and statistics in one
 *   transaction
 *
 * After a crash before the last step the claim stays for half an hour, and the next process asks for the same sectors
 * again.
 */
import type { Ask } from "../../database/client/deadline-client.ts";
import { type NetworkSnapshot, readNetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { VerifyOptions } from "../../database/indexd/version/write-verified.ts";
import { findHost } from "../../database/verify/read-scope.ts";
import { type CheckClaim, claimChecks, recordChecks } from "../../database/verify/record-checks.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { HostId } from "../../slab/ids.ts";
import { MaintenanceError } from "../maintenance/advance-run.ts";
import type { MaintenanceJob } from "../maintenance/maintenance-job.ts";
import type { LeafAnswer } from "../repair/prove-leaf.ts";
import { type Answers, askHosts } from "./ask-hosts.ts";
import { createVerifyEnd } from "./end-verify.ts";
import { type NextBatch, readNextBatch } from "./next-batch.ts";
import {
  checkpointOf,
  scopeOf,
  statisticsOf,
  type VerifyCheckpoint,
  type VerifyScope,
  type VerifyStatistics,
} from "./verify-run.ts";

export type VerifyStep = "claimed" | "asked" | "recorded";

export interface VerifyDependencies {
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly random: () => number;
  readonly verify: VerifyOptions;
  /** For kill tests. */
  readonly step?: (name: VerifyStep) => void | Promise<void>;
}

const NETWORK_CACHE_MS = 60_000;
/**
 * Pause before a host that does not answer at all is asked again. If our account there is empty, indexd funds it within
 * 2 min.
 */
const SILENT_PAUSE_MS = 30_000;
const MOST_SILENT_BATCHES = 10;

export function createVerifyJob(deps: VerifyDependencies): MaintenanceJob {
  let network: NetworkSnapshot | undefined;
  const readNetwork = async (ask: Ask, nowMs: number): Promise<NetworkSnapshot> => {
    if (network === undefined || nowMs - network.takenAtMs >= NETWORK_CACHE_MS) {
      const options = { minHostDistanceKm: 0, now: () => nowMs };
      network = await ask((sql) => readNetworkSnapshot(sql, options), { isIdempotent: true });
    }
    return network;
  };
  const end = createVerifyEnd(deps.verify);
  return {
    ...end,
    async advance(context) {
      const { ask, run, token, clock, signal } = context;
      const scope = scopeOf(run);
      const at = checkpointOf(run);
      const before = statisticsOf(run);
      const hostId = scope.of === "host" ? await hostOfScope(ask, scope) : null;
      const next = await ask((sql) => readNextBatch(sql, scope, { hostId, at, passed: before.passed }), {
        isIdempotent: true,
      });
      if (next === undefined) {
        // Claims of a crashed process may be left, if the sectors of its batch are no longer in the scope.
        await end.settle(context);
        return { end: { state: "done" } };
      }
      const { hosts: known } = await readNetwork(ask, clock.now());
      const claimRequest = { run: run.id, token, sectorIds: next.sectorIds, onlyHost: hostId };
      const claims = await ask((sql) => claimChecks(sql, claimRequest, deps.verify), { isIdempotent: true });
      await deps.step?.("claimed");
      const asked = await askHosts({ ...deps, signal }, claims, (claim) => known.get(claim.hostId));
      await deps.step?.("asked");
      const batch = judgeBatch({ scope, at, before, next, asked });
      const request = { ...batch.recorded, run: run.id, token, batch: at.batch + 1 };
      const { ignored } = await ask((sql) => recordChecks(sql, request, deps.verify), { isIdempotent: true });
      await deps.step?.("recorded");
      if (ignored) throw manyDeny();
      if (batch.silent >= MOST_SILENT_BATCHES) throw hostSilent(scope, asked);
      return batch.silent > 0 && !signal.aborted ? { waitMs: SILENT_PAUSE_MS } : {};
    },
  };
}

async function hostOfScope(ask: Ask, scope: Extract<VerifyScope, { of: "host" }>): Promise<HostId> {
  const hostId = await ask((sql) => findHost(sql, scope.host), { isIdempotent: true });
  if (hostId !== undefined) return hostId;
  throw new MaintenanceError({
    code: "host-gone",
    message: `verify: expected host ${scope.host} in indexd's table hosts, got none`,
    remedy:
      "indexd has deleted the host, and with it the records of its sectors: there is nothing left to verify.",
  });
}

type Code<Kind extends LeafAnswer["kind"]> = Extract<LeafAnswer, { kind: Kind }>;

export interface JudgedBatch {
  readonly recorded: {
    readonly checkpoint: object;
    readonly statistics: VerifyStatistics;
    readonly confirmed: readonly CheckClaim[];
    readonly denied: readonly (CheckClaim & { readonly code: "not-found" | "corrupt" })[];
    readonly released: readonly CheckClaim[];
  };
  /** Consecutive batches in which the run's host answered for no sector: a batch without any answer is repeated. */
  readonly silent: number;
}

/** Decides what to record of a batch, and the run's new checkpoint. Pure. */
export function judgeBatch({
  scope,
  at,
  before,
  next,
  asked: { answers, hastings },
}: {
  readonly scope: VerifyScope;
  readonly at: Pick<VerifyCheckpoint, "after" | "slab" | "windows" | "silent">;
  readonly before: VerifyStatistics;
  readonly next: NextBatch;
  readonly asked: Answers;
}): JudgedBatch {
  const having = <Kind extends LeafAnswer["kind"]>(kind: Kind) =>
    answers.flatMap(({ claim, answer }) =>
      answer.kind === kind ? [{ claim, answer: answer as Code<Kind> }] : [],
    );
  const unanswered = having("unanswered");
  const isSilent = scope.of === "host" && answers.length > 0 && unanswered.length === answers.length;
  const givenUp = unanswered.some(({ answer }) => answer.code === "aborted");
  const spent = String(BigInt(before.hastings) + hastings);
  const released = [...unanswered, ...having("wrong-data")].map(({ claim }) => claim);
  const nothing = { confirmed: [], denied: [] };
  if (isSilent || givenUp) {
    const silent = givenUp ? at.silent : at.silent + 1;
    const { after, slab, windows } = at;
    const statistics = { ...before, hastings: spent };
    const all = answers.map(({ claim }) => claim);
    return {
      recorded: { ...nothing, checkpoint: { after, slab, windows, silent }, statistics, released: all },
      silent,
    };
  }
  const counts = { ...before.unanswered };
  for (const { answer } of unanswered) counts[answer.code] = (counts[answer.code] ?? 0) + 1;
  return {
    recorded: {
      checkpoint: { ...next.behind, silent: 0 },
      statistics: {
        ...before,
        passed: before.passed + next.passes,
        wrongData: before.wrongData + having("wrong-data").length,
        notThere: before.notThere + next.sectorIds.length - answers.length,
        unanswered: counts,
        hastings: spent,
      },
      confirmed: having("confirmed").map(({ claim }) => claim),
      denied: having("denied").map(({ claim, answer }) => ({ ...claim, code: answer.code })),
      released,
    },
    silent: 0,
  };
}

function manyDeny(): MaintenanceError {
  return new MaintenanceError({
    code: "denied-by-many-hosts",
    message:
      "verify: expected few hosts to deny their sectors, but many hosts that usually serve deny them at this moment",
    remedy:
      "No denial was recorded. Check that this process uses this indexer's database and the right release of slabmend; then start the run again.",
  });
}

function hostSilent(scope: VerifyScope, { answers }: Answers): MaintenanceError {
  const codes = new Set(answers.map(({ answer }) => ("code" in answer ? answer.code : answer.kind)));
  return new MaintenanceError({
    code: "host-silent",
    message: `verify: expected host ${scope.of === "host" ? scope.host : ""} to answer, got ${[...codes].join(", ")} for ${MOST_SILENT_BATCHES} batches`,
    remedy:
      "Earlier results are kept. Start the run again when the host answers and our account there has funds.",
  });
}
