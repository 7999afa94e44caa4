import type { HostKey } from "../slab/ids.ts";

/** indexd's funding pass comes every two minutes. */
export const FORGET_OUT_OF_FUNDS_AFTER_MS = 3 * 60_000;
/**
 * A full host is no candidate for so long: each try costs 4 MiB of traffic, and the whole fleet learns from one. indexd reads
 * a host's settings once a day, so a worker has to try before that.
 */
export const FORGET_FULL_AFTER_MS = 10 * 60_000;

/** What one worker measured of one host, summed up since its last report. */
export interface HostSample {
  readonly hostKey: HostKey;
  readonly readBytes: number;
  readonly readMs: number;
  readonly writeBytes: number;
  readonly writeMs: number;
  readonly successes: number;
  /** By the host's own fault. */
  readonly failures: number;
  /** Our account lacked funds, and nothing succeeded after that. */
  readonly outOfFunds: boolean;
  /** It refused a sector for want of space, and took none after that. */
  readonly full: boolean;
  /** It took a sector, and was not full after that. */
  readonly stored: boolean;
}

/** What the whole fleet measured of one host lately: the sums of all samples, faded (lib/database/fleet/host-scores.ts). */
export interface SharedHostScore {
  readonly hostKey: HostKey;
  /** Bytes per second; undefined: not measured lately. */
  readonly readRate: number | undefined;
  readonly writeRate: number | undefined;
  /** 0..1 */
  readonly failureRate: number;
  /** Our account on the host lacked funds a moment ago. */
  readonly outOfFunds: boolean;
  /** The host refused a sector for want of space a while ago. */
  readonly full: boolean;
}
