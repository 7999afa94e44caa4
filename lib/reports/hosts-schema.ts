import * as v from "valibot";
import { count, hex, schemaVersion, seconds, time } from "./fields.ts";

const host = v.object({
  id: v.pipe(v.number(), v.integer()),
  hostKey: hex,
  addresses: v.pipe(v.array(v.string()), v.description("siamux only, host:port")),
  latitude: v.number(),
  longitude: v.number(),
  isCandidate: v.pipe(v.boolean(), v.description("may take sectors now")),
  why: v.pipe(
    v.array(v.string()),
    v.description(
      "why it is not a candidate: blocked, draining, stuck, no-storage, no-active-contract, no-append-contract, no-address, too-many-unpinned, full, or the names of indexd's checks that it fails",
    ),
  ),
  isGood: v.pipe(
    v.boolean(),
    v.description("its sectors may stay: usable, not blocked, with an active contract"),
  ),
  usable: v.boolean(),
  blocked: v.boolean(),
  stuck: v.boolean(),
  hasActiveContract: v.boolean(),
  hasAppendContract: v.boolean(),
  recentUptime: v.number(),
  lastScanAgeSeconds: v.nullable(seconds),
  remainingStorageBytes: v.number(),
  contractBytes: v.pipe(v.number(), v.description("total size of its active contracts")),
  unpinnedSectors: count,
  lostSectors: v.pipe(count, v.description("indexd's counter")),
  score: v.nullable(
    v.pipe(
      v.object({
        readBytesPerSecond: v.nullable(v.number()),
        writeBytesPerSecond: v.nullable(v.number()),
        failureRate: v.pipe(v.number(), v.description("0..1, fading with a half-life of 30 min")),
        outOfFunds: v.pipe(v.boolean(), v.description("our account there recently lacked funds")),
        full: v.pipe(v.boolean(), v.description("recently refused a sector for lack of space")),
      }),
      v.description("what workers measured recently; null: no worker has used the host recently"),
    ),
  ),
  denials: v.nullable(
    v.pipe(
      v.object({
        open: v.pipe(
          count,
          v.description("sectors that it denied and that the database still records on it"),
        ),
        suspected: v.pipe(v.boolean(), v.description("denies an unusual share of the requested sectors")),
      }),
      v.description("null: not known"),
    ),
  ),
});

/** `slabmend hosts --json` and `GET /api/v1/hosts`. */
export const hostsSchema = v.object({
  schemaVersion,
  at: time,
  total: count,
  good: count,
  candidates: count,
  hosts: v.pipe(
    v.array(host),
    v.description(
      "best first: candidates, then other good hosts, then the rest; in each group by failure rate, then by speed",
    ),
  ),
});

export type HostsReport = v.InferOutput<typeof hostsSchema>;
export type HostReport = v.InferOutput<typeof host>;
