/**
 * Measures the same arithmetic as the Go program, but done as slabmend does it: with kernels and node:crypto. Runs in
 * this process, without sockets.
 */
import { randomFillSync } from "node:crypto";
import { encodingMatrix, rebuildCoefficients } from "../../lib/erasure/coefficients.ts";
import { createKernel } from "../../lib/kernel/kernel.ts";
import { createPacketKernel } from "../../lib/kernel/packet-kernel.ts";
import { DEFAULT_PACKET_BYTES, packetPlainBytes } from "../../lib/siamux/wire-format.ts";
import { shardCipher } from "../../lib/slab/shard-cipher.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { median } from "../measure.ts";
import { CASES, type CaseName, MIN_SHARDS, TOTAL_SHARDS } from "./messages.ts";
import type { FloorPhases } from "./run-floor.ts";

const WARM_UP_ROUNDS = 2;
const BATCH_PACKETS = 15;
/** The number of packets that carry a sector, with 4,296 bytes of payload each. */
const SECTOR_PACKETS = 977;

const kernel = createKernel({ memoryBytes: 108 * 1_048_576 });
const packets = createPacketKernel({ incomingBytes: 131_072, batchBytes: 131_072 });
const shards = Array.from({ length: 20 }, () => randomFillSync(kernel.arena.allocate(SECTOR_BYTES)));
const key = Buffer.alloc(32, 7);

function pass(how: "open" | "seal", sectors: number): void {
  const batch = { key, count: BATCH_PACKETS, packetBytes: DEFAULT_PACKET_BYTES, counter: 0n, sender: 0 };
  const ciphertext = Buffer.from(packets.sealed.subarray(0, BATCH_PACKETS * DEFAULT_PACKET_BYTES));
  const batches = Math.ceil((sectors * SECTOR_PACKETS) / BATCH_PACKETS);
  for (let n = 0; n < batches; n++) {
    if (how === "seal") {
      packets.seal(batch);
      continue;
    }
    // Takes the place of a copy that a real read makes: the same number of bytes, from the packet memory to the shard.
    packets.incoming.set(ciphertext);
    if (packets.open(0, batch) !== BATCH_PACKETS) throw new Error("a packet cannot be decrypted");
  }
}

function rebuild(count: number): void {
  const coefficients = rebuildCoefficients({
    k: MIN_SHARDS,
    n: TOTAL_SHARDS,
    available: Array.from({ length: MIN_SHARDS }, (_, n) => count + n),
    targets: Array.from({ length: count }, (_, n) => n),
  });
  kernel.combine({
    sources: shards.slice(0, MIN_SHARDS),
    targets: shards.slice(MIN_SHARDS, MIN_SHARDS + count),
    coefficients,
    lengthBytes: SECTOR_BYTES,
  });
}

/** The median CPU milliseconds of each phase. */
export function runKernels(name: CaseName, rounds: number): FloorPhases {
  const { how, sectors } = CASES[name];
  const sources = how === "copied" ? sectors : MIN_SHARDS;
  packets.texts.fill(1, 0, BATCH_PACKETS * packetPlainBytes(DEFAULT_PACKET_BYTES));
  pass("seal", 1);
  encodingMatrix(MIN_SHARDS, TOTAL_SHARDS);
  const moved = shards.slice(MIN_SHARDS, MIN_SHARDS + sectors);
  const works: Record<string, () => void> = {
    open: () => pass("open", sources),
    ...(how === "rebuilt" && {
      keystream: () => {
        for (const [n, shard] of [...shards.slice(0, MIN_SHARDS), ...moved].entries())
          shardCipher(key, n).apply(shard, 0);
      },
      code: () => rebuild(sectors),
    }),
    hash: () => {
      for (const shard of moved) kernel.sectorRoot(shard);
    },
    seal: () => pass("seal", sectors),
  };
  const samples = Object.fromEntries(
    ["total", ...Object.keys(works)].map((phase) => [phase, [] as number[]]),
  );
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    let total = 0;
    for (const [phase, work] of Object.entries(works)) {
      const before = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(before);
      total += (user + system) / 1_000;
      if (round >= 0) samples[phase]!.push((user + system) / 1_000);
    }
    if (round >= 0) samples["total"]!.push(total);
  }
  return Object.fromEntries(Object.entries(samples).map(([phase, taken]) => [phase, median(taken)]));
}
