import pLimit from "p-limit";
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import { HostError } from "../../hosts/host-error.ts";
import type { HostPool } from "../../hosts/host-pool.ts";
import type { PlannedMove } from "../../placement/plan-repair.ts";
import type { PriceLimit } from "../../rhp4/host-prices.ts";
import { SECTOR_BYTES } from "../../slab/sizes.ts";
import type { HeldSector } from "./held-sector.ts";
import type { Meter } from "./meter.ts";
import type { TimeLimits } from "./time-limits.ts";

/** indexd stores as many shards of a slab at once. */
const UPLOADS_AT_ONCE = 10;

export interface StoredShard {
  readonly move: PlannedMove;
  readonly host: NetworkHost;
  readonly how: "copied" | "rebuilt";
}

/** Uploads the shards of one repair as they become ready. */
export interface ShardStore {
  /** Starts an upload; releases `held` when it ends, however it ends. */
  store(move: PlannedMove, held: HeldSector, how: StoredShard["how"]): void;
  /** Resolves when every upload has ended. Rejects only with a bug's error. */
  settled(): Promise<void>;
  readonly stored: readonly StoredShard[];
  /** A candidate refused for want of funds. */
  readonly underfunded: boolean;
}

/**
 * Each shard goes to the first candidate that is left; when that fails, to the next. A host is asked once for a whole
 * slab, so that no two shards can meet on it. A host that acknowledges another root than ours lies or is broken.
 */
export function createShardStore(options: {
  readonly candidates: readonly NetworkHost[];
  readonly hosts: HostPool;
  readonly meter: Meter;
  /** A candidate that asks more is not asked: indexd will not keep it either. */
  readonly priceLimit: PriceLimit;
  readonly limits: TimeLimits;
  readonly onStored: (shard: StoredShard) => void | Promise<void>;
  readonly onRefused: (host: NetworkHost, cause: unknown) => void;
}): ShardStore {
  const { hosts, meter, limits, priceLimit } = options;
  const candidates = [...options.candidates];
  const limit = pLimit(UPLOADS_AT_ONCE);
  const stored: StoredShard[] = [];
  /** Never reject: what goes wrong in one is told when all have ended. */
  const uploads: Promise<void>[] = [];
  const bugs: unknown[] = [];
  let underfunded = false;

  const onCharged = (hastings: bigint): void => {
    meter.hastings += hastings;
  };

  /** False: this host did not take it. */
  const offer = async (move: PlannedMove, data: Uint8Array, host: NetworkHost): Promise<boolean> => {
    const limited = limits.forTransfer("write", SECTOR_BYTES);
    try {
      const { root } = await hosts.writeSector(host, { data, priceLimit, onCharged }, limited.signal);
      meter.bytesWritten += data.length;
      if (root === move.sector.root) return true;
      hosts.reportWrongData(host.hostKey);
      options.onRefused(host, new Error("acknowledged another root"));
    } catch (cause) {
      if (!(cause instanceof HostError)) throw cause;
      if (cause.code === "not-enough-funds") underfunded = true;
      options.onRefused(host, cause);
    } finally {
      limited.done();
    }
    return false;
  };

  const upload = async (move: PlannedMove, data: Uint8Array, how: StoredShard["how"]): Promise<void> => {
    while (candidates.length > 0 && limits.mayStart("write")) {
      const host = candidates.shift()!;
      if (!(await offer(move, data, host))) continue;
      const shard = { move, host, how };
      stored.push(shard);
      await options.onStored(shard);
      return;
    }
  };

  return {
    store(move, held, how) {
      uploads.push(
        limit(() => upload(move, held.data, how))
          .catch((cause: unknown) => void bugs.push(cause))
          .finally(() => held.release()),
      );
    },
    async settled() {
      // An upload that is awaited here can not add another one: only copy and rebuild do, and they have ended.
      await Promise.all(uploads);
      if (bugs.length > 0) throw bugs[0];
    },
    stored,
    get underfunded() {
      return underfunded;
    },
  };
}
