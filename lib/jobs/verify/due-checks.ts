/**
 * Due checks (SLABMEND_VERIFY=due): does what indexd's integrity checks do, continuously and without the maintenance
 * lease.
 *
 *   claim at most 100 sectors of a host, for 30 min -> [message] -> read which of the sectors are still claimed
 *   -> ask the host -> record its answers
 *
 * It does no harm if a batch is processed twice, late or not at all. Each write requires that next_integrity_check
 * still has the value that the batch's own claim wrote. Sectors without a recorded result are due again when the claim
 * expires.
 */
import type { Clock } from "../../clock/clock.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import { readFleetMode } from "../../database/fleet/fleet-mode.ts";
import { type NetworkSnapshot, readNetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import type { VerifyOptions } from "../../database/indexd/version/write-verified.ts";
import {
  claimDueChecks,
  type DueAnswers,
  type DueBatch,
  type DueSector,
  readDueBatch,
  readDueHosts,
  recordDueChecks,
} from "../../database/verify/due-checks.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { HostId } from "../../slab/ids.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { MetricValues } from "../../telemetry/metric-names.ts";
import { type Answers, askHosts } from "./ask-hosts.ts";

/** Points at which kill tests end the process. */
export type DueStep = "due-claimed" | "due-asked" | "due-recorded";

/** The most sectors in a message or a transaction; indexd has the same limit. */
const BATCH_SECTORS = 100;

export interface DueClaims {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly verify: VerifyOptions;
}

export interface DueChecking {
  readonly ask: Ask;
  readonly clock: Clock;
  readonly hosts: HostPool;
  readonly kernel: Kernel;
  readonly random: () => number;
  readonly logger: Logger;
  readonly verify: VerifyOptions;
  readonly signal: AbortSignal;
  readonly onMetrics: (values: MetricValues) => void;
  /** For kill tests. */
  readonly step?: (name: DueStep) => void | Promise<void>;
}

/**
 * Claims at most `most` batches: first one for each host, beginning with the host whose checks are longest overdue;
 * then further batches of the hosts whose first batch was full.
 */
export async function claimDueBatches(
  { ask, verify }: DueClaims,
  most: number,
  timeIsUp: () => boolean,
): Promise<readonly DueBatch[]> {
  const batches: DueBatch[] = [];
  if (most <= 0 || (await ask(readFleetMode, { isIdempotent: true })).kind !== "running") return batches;
  const found = await ask((sql) => readDueHosts(sql, most), { isIdempotent: true });
  let hosts: readonly HostId[] = found.map(({ hostId }) => hostId);
  while (hosts.length > 0) {
    const full: HostId[] = [];
    for (const hostId of hosts) {
      if (batches.length === most || timeIsUp()) return batches;
      // If the database's answer is lost, nobody uses this claim, and it expires in half an hour.
      const batch = await ask((sql) => claimDueChecks(sql, { hostId, most: BATCH_SECTORS }, verify));
      if (batch === undefined) continue;
      batches.push(batch);
      if (batch.sectorIds.length === BATCH_SECTORS) full.push(hostId);
    }
    hosts = full;
  }
  return batches;
}

const NETWORK_CACHE_MS = 60_000;

/** Executes batches of checks; keeps a snapshot of the network for a minute. */
export class DueChecker {
  readonly #deps: DueChecking;
  #network: NetworkSnapshot | undefined;

  constructor(deps: DueChecking) {
    this.#deps = deps;
  }

  /** Returns the number of sectors requested from the host. */
  async check(batch: DueBatch): Promise<number> {
    const { ask, verify, step, onMetrics, logger } = this.#deps;
    const sectors = await ask((sql) => readDueBatch(sql, batch), { isIdempotent: true });
    if (sectors.length === 0) return 0;
    const network = await this.#readNetwork();
    const asked = await askHosts(this.#deps, sectors, ({ hostId }) => network.hosts.get(hostId));
    await step?.("due-asked");
    const answers = sortAnswers(batch.hostId, asked);
    // If the requests were cancelled because this process is ending, nothing was learned about the host.
    if (this.#deps.signal.aborted && answers.confirmed.length + answers.denied.length === 0) return 0;
    const recorded = await ask((sql) => recordDueChecks(sql, answers, verify));
    await step?.("due-recorded");
    const { hastings, wrongData } = answers;
    const unanswered = answers.unanswered + (recorded.ignored ? answers.denied.length : 0);
    if (recorded.ignored) {
      logger.error({ host: batch.hostId }, "many hosts deny their sectors at once: no denial was recorded");
    }
    onMetrics({
      ChecksConfirmed: recorded.confirmed,
      ChecksDenied: recorded.denied,
      ChecksSuperseded: recorded.superseded,
      ChecksWrongData: wrongData,
      ChecksUnanswered: unanswered,
      CheckHastings: Number(hastings),
    });
    return sectors.length;
  }

  async #readNetwork(): Promise<NetworkSnapshot> {
    const { ask, clock } = this.#deps;
    const nowMs = clock.now();
    if (this.#network === undefined || nowMs - this.#network.takenAtMs >= NETWORK_CACHE_MS) {
      const options = { minHostDistanceKm: 0, now: () => nowMs };
      this.#network = await ask((sql) => readNetworkSnapshot(sql, options), { isIdempotent: true });
    }
    return this.#network;
  }
}

/** Groups the host's answers. Pure. */
function sortAnswers(hostId: HostId, { answers, hastings }: Answers<DueSector>): DueAnswers {
  const confirmed: DueSector[] = [];
  const denied: (DueSector & { readonly code: "not-found" | "corrupt" })[] = [];
  let wrongData = 0;
  let unanswered = 0;
  for (const { claim, answer } of answers) {
    if (answer.kind === "confirmed") confirmed.push(claim);
    else if (answer.kind === "denied") denied.push({ ...claim, code: answer.code });
    else if (answer.kind === "wrong-data") wrongData += 1;
    else unanswered += 1;
  }
  return { hostId, confirmed, denied, wrongData, unanswered, hastings };
}

/**
 * Number of batches that a process executes in parallel: a batch takes 20 s if its host does not answer, and must not
 * delay the batches of other hosts.
 */
const LANES = 4;

/**
 * Claims and executes checks until none is due, the time is up or the signal aborts.
 * @returns the number of sectors requested from hosts
 */
export async function makeDueChecks(
  checker: DueChecker,
  deps: DueClaims & Pick<DueChecking, "signal" | "step">,
  limitMs: number,
): Promise<number> {
  const { clock, signal, step } = deps;
  const endsAtMs = clock.now() + limitMs;
  const timeIsUp = (): boolean => signal.aborted || clock.now() >= endsAtMs;
  const claimed: DueBatch[] = [];
  let isEmpty = false;
  let claiming: Promise<void> | undefined;
  const claimMore = async (): Promise<void> => {
    const batches = await claimDueBatches(deps, LANES, timeIsUp);
    isEmpty = batches.length === 0;
    claimed.push(...batches);
    await step?.("due-claimed");
  };
  let checked = 0;
  const lane = async (): Promise<void> => {
    while (!signal.aborted) {
      const batch = claimed.shift();
      if (batch !== undefined) {
        // Not `checked += await …`, which would add to the value read before the await.
        const sectors = await checker.check(batch);
        checked += sectors;
      } else if (isEmpty || timeIsUp()) {
        return;
      } else {
        claiming ??= claimMore().finally(() => {
          claiming = undefined;
        });
        await claiming;
      }
    }
  };
  // All lanes must end before the first failure is reported, because running checks use the connection.
  const ends = await Promise.allSettled(Array.from({ length: LANES }, lane));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
  return checked;
}
