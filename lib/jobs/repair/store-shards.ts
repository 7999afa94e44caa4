/**
 * Phase three, in parallel with the others: stores shards as they become ready. Each shard is offered to the first
 * remaining candidate. If this host fails, or is slow compared with the others (offer-patience.ts), the shard is
 * offered to the next candidate too.
 *
 * A host is reserved for one shard at a time. If two hosts were offered a shard, the slower host goes to the end of the
 * candidates, and may receive another shard of the slab. It may have stored the first shard too, which is then paid
 * for, but not recorded.
 */
import pLimit from "p-limit";
import type { Clock } from "../../clock/clock.ts";
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import { hedge } from "../../hosts/hedge.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import { sectorWrite } from "../../hosts/paid-rpc.ts";
import type { PlannedMove } from "../../placement/plan-repair.ts";
import type { PriceLimit } from "../../rhp4/host-prices.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { HeldSector } from "./held-sector.ts";
import type { HostAnswers } from "./host-answers.ts";
import type { CostLimit, Meter } from "./meter.ts";
import { offerPatienceMs } from "./offer-patience.ts";
import type { TimeLimits } from "./time-limits.ts";

/** indexd stores the same number of shards of a slab in parallel. */
const UPLOADS_AT_ONCE = 10;
/** At most this many hosts are offered the same shard in parallel: a slow host and one more. */
const OFFERS_AT_ONCE = 2;

export interface StoredShard {
  readonly move: PlannedMove;
  readonly host: NetworkHost;
  /** `found`: an earlier repair stored the shard. */
  readonly how: "copied" | "rebuilt" | "found";
}

export interface ShardStoreOptions {
  readonly candidates: readonly NetworkHost[];
  readonly hosts: HostPool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meter: Meter;
  readonly cost: CostLimit;
  readonly answers: HostAnswers;
  /** A candidate with higher prices than these is not used: indexd would not keep such a host either. */
  readonly priceLimit: PriceLimit;
  readonly limits: TimeLimits;
  /** Called when a host has acknowledged a shard with the pinned root. */
  readonly onStored: (shard: StoredShard) => void | Promise<void>;
}

export class ShardStore {
  readonly stored: StoredShard[] = [];
  /** Whether a candidate refused a shard for lack of funds. */
  underfunded = false;
  readonly #options: ShardStoreOptions;
  readonly #candidates: NetworkHost[];
  readonly #limit = pLimit(UPLOADS_AT_ONCE);
  /** These promises never reject: an upload's error is reported when all uploads have ended. */
  readonly #uploads: Promise<void>[] = [];
  readonly #bugs: unknown[] = [];
  readonly #tookMs: number[] = [];
  #underWay = 0;

  constructor(options: ShardStoreOptions) {
    this.#options = options;
    this.#candidates = [...options.candidates];
  }

  /** Whether some host might still take one more shard. If not, further reads would be useless. */
  get hasCandidates(): boolean {
    return this.#candidates.length > 0;
  }

  /**
   * Records a shard that an earlier repair stored on a candidate. False: the host is already reserved for another
   * shard.
   */
  adopt(move: PlannedMove, host: NetworkHost): boolean {
    const at = this.#candidates.findIndex(({ id }) => id === host.id);
    if (at < 0) return false;
    this.#candidates.splice(at, 1);
    this.stored.push({ move, host, how: "found" });
    return true;
  }

  /** Starts an upload; releases `held` when it ends, successfully or not. */
  store(move: PlannedMove, held: HeldSector, how: StoredShard["how"]): void {
    this.#uploads.push(
      this.#limit(() => this.#upload(move, held.data, how))
        .catch((cause: unknown) => void this.#bugs.push(cause))
        .finally(() => held.release()),
    );
  }

  /** Resolves when every upload has ended, including those added meanwhile. Rejects only with an unexpected error. */
  async settled(): Promise<void> {
    for (let count = -1; count < this.#uploads.length; ) {
      count = this.#uploads.length;
      await Promise.all(this.#uploads);
    }
    if (this.#bugs.length > 0) throw this.#bugs[0];
  }

  async #upload(move: PlannedMove, data: Uint8Array, how: StoredShard["how"]): Promise<void> {
    const { clock, limits } = this.#options;
    const { kind, successes } = await hedge({
      candidates: this.#offered(),
      needed: 1,
      maxConcurrent: OFFERS_AT_ONCE,
      clock,
      signal: limits.signal,
      intervalMs: () => this.#patienceMs(),
      attempt: (host, signal) => this.#offer(move, data, host, signal),
    });
    const [first] = successes;
    if (kind !== "enough" || first === undefined) return;
    const shard = { move, host: first.source, how };
    this.stored.push(shard);
    await this.#options.onStored(shard);
  }

  #patienceMs(): number {
    const usualMs = this.#options.hosts.hedgeAfterMs("write", SECTOR_BYTES);
    return offerPatienceMs({ usualMs, tookMs: this.#tookMs, underWay: this.#underWay });
  }

  /** Takes candidates one at a time, so that no two shards are offered to the same host. */
  *#offered(): Generator<NetworkHost> {
    while (this.#candidates.length > 0 && this.#options.limits.mayStart("write"))
      yield this.#candidates.shift()!;
  }

  /** @throws any error after which the shard should go to another host */
  async #offer(move: PlannedMove, data: Uint8Array, host: NetworkHost, signal: AbortSignal): Promise<void> {
    const { hosts, limits, priceLimit, cost, answers, meter, logger } = this.#options;
    this.#underWay += 1;
    try {
      const { root, durationMs } = await hosts.call(host, sectorWrite(data), {
        signal,
        priceLimit,
        deadlineMs: limits.sectorMs("write"),
        reserve: cost.reserve,
        onCharged: cost.charge,
      });
      this.#tookMs.push(durationMs);
      meter.bytesWritten += data.length;
      answers.served(host);
      if (root === move.sector.root) return;
      hosts.reportWrongData(host.hostKey);
      answers.sentWrongData(host);
      throw new WrongRoot();
    } catch (cause) {
      if (cause instanceof HostError) {
        answers.refused(host, cause);
        if (cause.code === "not-enough-funds") this.underfunded = true;
        if (cause.code === "aborted" && !limits.signal.aborted) this.#candidates.push(host);
      } else if (!(cause instanceof WrongRoot)) this.#bugs.push(cause);
      if (!signal.aborted) logger.info({ error: cause, host: host.hostKey }, "a host did not accept a shard");
      throw cause;
    } finally {
      this.#underWay -= 1;
    }
  }
}

/** The host acknowledged a root that is not the shard's: the host is lying or broken. */
class WrongRoot extends Error {
  override readonly name = "WrongRoot";
}
