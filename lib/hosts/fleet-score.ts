import type { HostKey } from "../slab/ids.ts";

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
  readonly outOfFunds: boolean;
  readonly full: boolean;
}

/** What the whole fleet measured of one host lately: the sums of all samples, faded (lib/store/host-scores.ts). */
export interface FleetHostScore {
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
