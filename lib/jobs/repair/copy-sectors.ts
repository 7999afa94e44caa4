/**
 * Phase one copies: it reads each sector to be moved from the sector's own host, if that host may still answer. A copy
 * reads 4 MiB and needs no decryption key; a rebuild reads `min_shards` times as much. The copied shards are delivered
 * to the store, and some are kept as sources for a rebuild. A sector that its host denied before is requested like any
 * other: if the host serves the sector now, the sector stays on this host.
 *
 *   first round: copying, six at once ──all ended, or none for a while──▶ over: no further copy starts
 *                                                                        running copies continue until cancelled
 *
 * So one slow or silent host does not delay the others' shards: a rebuild starts in parallel, and the shard is taken
 * from the copy or the rebuild, whichever ends first. What always holds: a host's failure throws nothing; every buffer
 * is returned or handed over to the store.
 */
import pLimit from "p-limit";
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { PlannedMove } from "../../placement/plan-repair.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import { holdSector } from "./held-sector.ts";
import { COPIES_AT_ONCE, deliver, keepCopy, type MoveState } from "./move-state.ts";

/**
 * When no copy has ended for a while, the rebuild starts in parallel. This is the shortest such wait. It is longer than
 * most reads wait before they ask a second host, because a rebuild reads `min_shards` times as much as a copy.
 */
const LEAST_PATIENCE_MS = 2_000;

interface CopyOptions {
  /** True: hosts are asked at any price, and also those whose connection broke once. */
  readonly isLastAttempt: boolean;
  /** True: the first round ends only when every copy has ended, so that no rebuild runs in parallel with a copy. */
  readonly hasTime: boolean;
}

export class CopyRun {
  /** Resolves when every copy has ended, or when no copy has ended for a while. */
  readonly firstRound: Promise<void>;
  readonly #state: MoveState;
  readonly #options: CopyOptions;
  readonly #givenUp = new AbortController();
  readonly #underWay = new Set<PlannedMove>();
  readonly #all: Promise<PromiseSettledResult<void>[]>;
  readonly #endFirstRound: () => void;
  #isFirstRound = true;
  #stopPatience = (): void => {};

  constructor(state: MoveState, options: CopyOptions) {
    this.#state = state;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstRound = promise;
    this.#endFirstRound = () => {
      this.#isFirstRound = false;
      this.#stopPatience();
      resolve();
    };
    this.#waitForProgress();
    const limit = pLimit(COPIES_AT_ONCE);
    const copies = [...state.wanted].flatMap((move) => {
      const { copyFrom } = move;
      return copyFrom === null ? [] : [limit(() => this.#copyOne(move, copyFrom))];
    });
    this.#all = Promise.allSettled(copies).then((results) => {
      this.#endFirstRound();
      return results;
    });
  }

  /** Moves whose copy has not ended; each may hold a buffer. */
  get underWay(): ReadonlySet<PlannedMove> {
    return this.#underWay;
  }

  /** Cancels running copies. */
  giveUp(): void {
    this.#givenUp.abort(new Error("the shard is no longer needed"));
    this.#endFirstRound();
  }

  /** Resolves when no copy is running. Rejects only with an unexpected error. */
  async settled(): Promise<void> {
    for (const result of await this.#all) if (result.status === "rejected") throw result.reason;
  }

  #waitForProgress(): void {
    this.#stopPatience();
    if (!this.#isFirstRound || this.#options.hasTime) return;
    const { clock, hosts } = this.#state.deps;
    const patienceMs = Math.max(LEAST_PATIENCE_MS, hosts.hedgeAfterMs("read", SECTOR_BYTES));
    this.#stopPatience = clock.after(patienceMs, this.#endFirstRound);
  }

  async #copyOne(move: PlannedMove, host: NetworkHost): Promise<void> {
    if (!this.#isFirstRound || this.#givenUp.signal.aborted) return;
    if (!this.#state.store.hasCandidates && !move.staysIfServed) return;
    this.#underWay.add(move);
    try {
      await this.#copy(move, host);
    } finally {
      this.#underWay.delete(move);
      this.#waitForProgress();
    }
  }

  async #copy(move: PlannedMove, host: NetworkHost): Promise<void> {
    const { answers, reader, limits, arena, mostForCopy, deps } = this.#state;
    const { isLastAttempt } = this.#options;
    const { buffers } = arena;
    const standing = answers.standing(move.sector, host);
    const mayAnswer =
      standing === "fresh" || (isLastAttempt && (standing === "broken-off" || standing === "expensive"));
    if (!mayAnswer || !limits.mayStart("read")) return;
    const signal = AbortSignal.any([limits.signal, this.#givenUp.signal]);
    let into: Uint8Array | undefined;
    let isRight = false;
    try {
      into = await buffers.take(signal);
      const price = await reader.egressPrice(move.sector, host, signal);
      if (price > mostForCopy && !isLastAttempt) return;
      const request = { into, signal, deadlineMs: limits.sectorMs("read"), atAnyPrice: isLastAttempt };
      isRight = await reader.readSector(move.sector, host, request);
    } catch (cause) {
      // The reader has recorded the host's failure; the rebuild takes over.
      if (!signal.aborted && !(cause instanceof HostError)) throw cause;
    } finally {
      if (into !== undefined && !isRight) buffers.give(into);
    }
    if (into === undefined || !isRight) return;
    const held = holdSector(into, buffers);
    if (this.#state.wanted.has(move)) keepCopy(this.#state, move, held);
    deliver(this.#state, move, held, "copied");
    await deps.step?.("fetched-one");
  }
}
