/**
 * CPU of a whole repair of a 10-of-30 slab with one lost shard, without sockets. The hosts' packets are encrypted
 * beforehand. The code of a real connection decrypts them, splits them into frames and copies them, and encrypts the
 * upload. Everything from plan to rebuild is a worker's code. The repair is compared with one that verifies every
 * range.
 */

import { randomBytes } from "node:crypto";
import { combineInColumns } from "../dev/objects/combine-in-columns.ts";
import { systemClock } from "../lib/clock/clock.ts";
import type { NetworkHost, NetworkSnapshot } from "../lib/database/indexd/network-snapshot.ts";
import { encodingMatrix } from "../lib/erasure/coefficients.ts";
import type { CallTerms, HostPool } from "../lib/hosts/host-pool.ts";
import type { PaidRpc } from "../lib/hosts/paid-rpc.ts";
import type { RepairDependencies } from "../lib/jobs/repair/repair-dependencies.ts";
import { repairSlab } from "../lib/jobs/repair/repair-slab.ts";
import { memoryBytesFor, SectorMemory } from "../lib/jobs/repair/sector-memory.ts";
import { createKernel, type Kernel } from "../lib/kernel/kernel.ts";
import { createAccountToken } from "../lib/rhp4/account-token.ts";
import {
  decodeReadSectorRequest,
  encodeReadSectorResponseHead,
  READ_SECTOR_REQUEST_BYTES,
} from "../lib/rhp4/read-sector.ts";
import type { RpcStream } from "../lib/rhp4/rpc-stream.ts";
import { encodeFrameHeader } from "../lib/siamux/frame.ts";
import { FrameReader } from "../lib/siamux/frame-reader.ts";
import { PacketCipher } from "../lib/siamux/packet-cipher.ts";
import { PacketReader } from "../lib/siamux/packet-reader.ts";
import {
  DEFAULT_PACKET_BYTES,
  FRAME_HEADER_BYTES,
  LOWEST_STREAM_ID,
  TAG_BYTES,
} from "../lib/siamux/wire-format.ts";
import type { Root } from "../lib/slab/ids.ts";
import type { LeasedSlab } from "../lib/slab/leased-slab.ts";
import { shardCipher } from "../lib/slab/shard-cipher.ts";
import { SECTOR_BYTES } from "../lib/slab/sizes.ts";
import type { Slab, SlabSector } from "../lib/slab/slab.ts";
import { createLogger } from "../lib/telemetry/logger.ts";
import { accountKey, hostKey, prices } from "../test/rhp4/samples.ts";
import { median, ratioOf, rounded } from "./measure.ts";

export interface RepairCpuResult {
  readonly milliseconds: number;
  readonly everyRangeVerifiedMilliseconds: number;
  readonly ratio: number;
  readonly atMost: number;
}

const MIN_SHARDS = 10;
const TOTAL_SHARDS = 30;
const RANGE_BYTES = 1_048_576;
const LOST = 0;
/**
 * The number of sectors whose packets are encrypted: a few more than one column needs, because different columns start
 * with different sources.
 */
const SEALED_SECTORS = MIN_SHARDS + 3;
const PLAIN_BYTES = DEFAULT_PACKET_BYTES - TAG_BYTES;
const PAYLOAD_BYTES = PLAIN_BYTES - FRAME_HEADER_BYTES;
const ROUNDS = 15;
const WARM_UP_ROUNDS = 3;

interface SealedRange {
  readonly key: Buffer;
  readonly packets: Buffer;
  readonly proof: Uint8Array[];
}

/** Returns the data as it is sent on the wire: encrypted, with one frame in each packet. */
function seal(key: Buffer, data: Uint8Array, role: "dialer" | "acceptor"): Buffer {
  const cipher = new PacketCipher(key, role);
  const count = Math.ceil(data.length / PAYLOAD_BYTES);
  const sealed = Buffer.allocUnsafeSlow(count * DEFAULT_PACKET_BYTES);
  const plain = Buffer.alloc(PLAIN_BYTES);
  for (let n = 0; n < count; n++) {
    const payload = data.subarray(n * PAYLOAD_BYTES, (n + 1) * PAYLOAD_BYTES);
    encodeFrameHeader(plain, 0, { id: LOWEST_STREAM_ID, payloadBytes: payload.length, flags: 0 });
    plain.set(payload, FRAME_HEADER_BYTES);
    plain.fill(0, FRAME_HEADER_BYTES + payload.length);
    sealed.set(cipher.sealMessage(plain), n * DEFAULT_PACKET_BYTES);
  }
  return sealed;
}

function openInto({ key, packets }: SealedRange, into: Uint8Array): void {
  let at = 0;
  const frames = new FrameReader(
    {
      isClosed: false,
      frameBegins() {},
      framePayload(part) {
        into.set(part, at);
        at += part.length;
      },
      frameEnds() {},
    },
    PAYLOAD_BYTES,
  );
  const reader = new PacketReader(new PacketCipher(key, "dialer"), frames, DEFAULT_PACKET_BYTES);
  // A socket delivers 64 KiB at a time.
  for (let from = 0; from < packets.length; from += 65_536)
    reader.push(packets.subarray(from, from + 65_536));
  if (at !== into.length) throw new Error(`expected ${into.length} bytes, got ${at}`);
}

interface StoredSlab {
  readonly slab: Slab;
  readonly network: NetworkSnapshot;
  readonly ranges: ReadonlyMap<Root, readonly SealedRange[]>;
  /** Random bytes, as many as the rebuilt shard has: the benchmark encrypts them in place of the rebuilt shard. */
  readonly rebuilt: Uint8Array;
}

function storeSlab(kernel: Kernel): StoredSlab {
  const encryptionKey = randomBytes(32);
  const dataShards = Array.from({ length: MIN_SHARDS }, () => randomBytes(SECTOR_BYTES));
  const parity = Array.from({ length: TOTAL_SHARDS - MIN_SHARDS }, () => Buffer.alloc(SECTOR_BYTES));
  const matrix = encodingMatrix(MIN_SHARDS, TOTAL_SHARDS);
  combineInColumns(kernel, dataShards, parity, matrix.subarray(MIN_SHARDS * MIN_SHARDS));
  const ranges = new Map<Root, readonly SealedRange[]>();
  const sectors = [...dataShards, ...parity].map((data, index): SlabSector => {
    shardCipher(encryptionKey, index).apply(data, 0);
    const root = kernel.sectorRoot(data);
    // Only these sectors are read, because sources are used in the order of their sectors.
    if (index < SEALED_SECTORS) {
      const columns = Array.from({ length: SECTOR_BYTES / RANGE_BYTES }, (_, column): SealedRange => {
        const offset = column * RANGE_BYTES;
        const key = randomBytes(32);
        return {
          key,
          packets: seal(key, data.subarray(offset, offset + RANGE_BYTES), "acceptor"),
          proof: kernel.buildRangeProof(data, offset, RANGE_BYTES),
        };
      });
      ranges.set(root, columns);
    }
    return {
      index,
      sectorId: BigInt(index + 1),
      root,
      hostId: index === LOST ? null : index + 1,
      contractMapId: null,
      contractId: null,
      denials: 0,
      earlierHostIds: [],
      neighbourHostIds: [],
    } as unknown as SlabSector;
  });
  // Of the hosts with sectors, only those with an encrypted sector can be reached. The last five hosts have no sector:
  // these are the candidates for the rebuilt shard.
  const hosts = Array.from({ length: TOTAL_SHARDS + 5 }, (_, n) =>
    networkHost(n + 1, n < SEALED_SECTORS || n >= TOTAL_SHARDS),
  );
  const network = {
    height: 1n,
    hosts: new Map(hosts.map((host) => [host.id, host])),
    healthyContractIds: new Set(),
    minHostDistanceKm: 0,
    takenAtMs: Date.now(),
  } as unknown as NetworkSnapshot;
  const slab = {
    id: 1n,
    digest: "00".repeat(32),
    version: 1,
    minShards: MIN_SHARDS,
    encryptionKey,
    consecutiveFailedRepairs: 0,
    sectors,
  } as unknown as Slab;
  return { slab, network, ranges, rebuilt: randomBytes(SECTOR_BYTES) };
}

function networkHost(id: number, isReachable: boolean): NetworkHost {
  return {
    id,
    hostKey: id.toString(16).padStart(64, "0"),
    addresses: isReachable ? ["127.0.0.1:1"] : [],
    latitude: 0,
    longitude: 0,
    usable: true,
    usabilityFailures: [],
    blocked: false,
    goodForUpload: true,
    hasActiveContract: true,
    hasAppendContract: true,
    storedPrices: { egressPrice: 1n },
    unpinnedSectors: 0,
  } as unknown as NetworkHost;
}

/** The stream of a read whose answer has already arrived: `respond` gets the request and fills the caller's memory. */
function answeredStream(
  respond: (request: { root: Root; offset: number; into: Uint8Array }) => Uint8Array[],
): RpcStream {
  let asked: { root: Root; offset: number; length: number } | undefined;
  let head: Uint8Array = new Uint8Array(0);
  let proof: Uint8Array[] = [];
  return {
    async write(bytes) {
      asked = decodeReadSectorRequest(bytes.subarray(bytes.length - READ_SECTOR_REQUEST_BYTES));
      const { root, offset, length } = asked;
      proof = respond({ root, offset, into: new Uint8Array(0) });
      head = encodeReadSectorResponseHead(proof, length);
    },
    async readExactly(length) {
      const bytes = head.subarray(0, length);
      head = head.subarray(length);
      return bytes;
    },
    async readInto(into) {
      respond({ ...asked!, into });
    },
    close() {},
    destroy() {},
    peerClosed: false,
    whenPeerCloses: new Promise(() => {}),
  };
}

/** A pool of hosts whose packets have all arrived. */
function hostsOf(stored: StoredSlab, kernel: Kernel, verifyEach: boolean): HostPool {
  const key = randomBytes(32);
  const respond = ({
    root,
    offset,
    into,
  }: {
    root: Root;
    offset: number;
    into: Uint8Array;
  }): Uint8Array[] => {
    const range = stored.ranges.get(root)?.[offset / RANGE_BYTES];
    if (range === undefined) throw new Error(`no range at ${offset} of ${root}`);
    const { proof } = range;
    if (into.length === 0) return proof;
    openInto(range, into);
    if (verifyEach && !kernel.verifyRangeProof({ root, offset, length: into.length, data: into, proof })) {
      throw new Error("the proof is wrong");
    }
    return proof;
  };
  const call = async (
    _host: unknown,
    rpc: PaidRpc<unknown, object>,
    { onCharged }: CallTerms,
  ): Promise<object> => {
    onCharged?.(1n);
    if (rpc.direction === "read") {
      const token = createAccountToken(accountKey, hostKey, Date.now() + 300_000);
      return await rpc.run(answeredStream(respond), { prices, token }, rpc.request, () => {});
    }
    seal(key, stored.rebuilt, "dialer");
    return { root: stored.slab.sectors[LOST]!.root };
  };
  return {
    call: async (...given: Parameters<typeof call>) => ({ ...(await call(...given)), durationMs: 1 }),
    weight: () => 1,
    isFull: () => false,
    reportWrongData: () => {},
    expectedMs: () => 1_000,
    hedgeAfterMs: () => 60_000,
  } as unknown as HostPool;
}

/** Makes one repair, and returns the CPU milliseconds that this process used for it. */
async function repairOnce(stored: StoredSlab, kernel: Kernel, memory: SectorMemory, hosts: HostPool) {
  const task = { slabId: stored.slab.id, digest: stored.slab.digest, token: "" } as unknown as LeasedSlab;
  const deps: RepairDependencies = {
    store: {
      begin: async () => ({ kind: "begun", expiresInMs: 120_000, nowMs: Date.now() }),
      extend: async () => true,
      readSlab: async () => stored.slab,
      readHistory: async () => ({ badShards: new Set(), deniedForLong: false }),
      readUploads: async () => [],
      drawOtherSectors: async () => new Map(),
      readNetwork: async () => stored.network,
      commit: async ({ moves, outcome }) => ({
        kind: "committed",
        outcome: outcome.kind,
        recorded: moves.map(({ index }) => index),
        dropped: [],
        denialsRecorded: 0,
        denialsIgnored: false,
        lostRecorded: 0,
        slabFinished: true,
      }),
      bumpEvents: async () => {},
    },
    hosts,
    kernel,
    memory,
    clock: systemClock,
    // A constant in place of a random number, so that the repair uses its sources in the order of their sectors.
    random: () => 0.5,
    logger: createLogger("silent", { indexer: "default" }),
    worker: "bench",
    settings: {
      leaseMs: 120_000,
      heartbeatMs: 30_000,
      copyPriceMultiple: 5,
      maxUnpinnedPerHost: 1_000,
      mostHastings: undefined,
    },
  };
  const before = process.cpuUsage();
  const result = await repairSlab(task, deps, 300_000);
  const { user, system } = process.cpuUsage(before);
  if (result.kind !== "repaired") throw new Error(`expected a repair, got ${result.kind}`);
  return (user + system) / 1_000;
}

/** Returns medians of CPU milliseconds. `ratio` is the median of the ratios of the rounds. */
export async function benchRepairCpu(): Promise<RepairCpuResult> {
  const kernel = createKernel({ memoryBytes: memoryBytesFor(1) });
  const stored = storeSlab(kernel);
  const memory = new SectorMemory(kernel, { repairsAtOnce: 1 });
  const trusting = hostsOf(stored, kernel, false);
  const verifying = hostsOf(stored, kernel, true);
  const ours: number[] = [];
  const verified: number[] = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const one = await repairOnce(stored, kernel, memory, trusting);
    const other = await repairOnce(stored, kernel, memory, verifying);
    if (round < 0) continue;
    ours.push(one);
    verified.push(other);
  }
  return {
    milliseconds: rounded(median(ours)),
    everyRangeVerifiedMilliseconds: rounded(median(verified)),
    ratio: rounded(ratioOf(ours, verified)),
    atMost: 0.6,
  };
}
