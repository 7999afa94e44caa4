import type { HostKey } from "../slab/ids.ts";

/**
 * After this time a host on which our account was empty is asked normally again: indexd funds accounts every two
 * minutes.
 */
export const FORGET_OUT_OF_FUNDS_AFTER_MS = 3 * 60_000;
/**
 * A host that refused a sector for lack of space is no candidate for this time: each attempt costs 4 MiB of traffic,
 * and one attempt informs the whole fleet. Then workers try again themselves, because indexd learns only once a day,
 * from the host's settings, whether a host has space.
 */
export const FORGET_FULL_AFTER_MS = 10 * 60_000;

/** One worker's measurements of one host, summed since its last report. */
export interface HostSample {
  readonly hostKey: HostKey;
  readonly readBytes: number;
  readonly readMs: number;
  readonly writeBytes: number;
  readonly writeMs: number;
  readonly successes: number;
  /** Failures by the host's own fault. */
  readonly failures: number;
  /** Our account lacked funds, and no request succeeded after that. */
  readonly outOfFunds: boolean;
  /** The host refused a sector for lack of space, and accepted none after that. */
  readonly full: boolean;
  /** The host accepted a sector, and refused none for lack of space after that. */
  readonly stored: boolean;
}

/** The fleet's recent measurements of one host: the decayed sums of all samples (lib/database/fleet/host-scores.ts). */
export interface SharedHostScore {
  readonly hostKey: HostKey;
  /** Bytes per second; undefined: not measured recently. */
  readonly readRate: number | undefined;
  readonly writeRate: number | undefined;
  /** 0..1 */
  readonly failureRate: number;
  /** Our account on the host recently lacked funds. */
  readonly outOfFunds: boolean;
  /** The host recently refused a sector for lack of space. */
  readonly full: boolean;
}
