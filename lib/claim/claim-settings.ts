import { DEFAULT_FLEET_LIMITS, type FleetLimits } from "../store/fleet-health.ts";

export interface ClaimSettings {
  /** Live leases while there is a backlog. */
  readonly maxInFlight: number;
  /** Bad sectors looked at in one transaction. */
  readonly pageSectors: number;
  /** Leases made in one transaction. */
  readonly batchLeases: number;
  readonly holdMs: number;
  /** How long past its next attempt a slab is left to indexd; 0 when indexd's own migrations are off. */
  readonly indexdGraceMs: number;
  readonly topUpMs: number;
  /** A lease whose message was not confirmed for this long is sent again, by whoever comes first. */
  readonly resendAfterMs: number;
  /** Of an ill fleet. */
  readonly probeEveryMs: number;
  readonly fleet: FleetLimits;
}

export const DEFAULT_CLAIM_SETTINGS: ClaimSettings = {
  maxInFlight: 200,
  pageSectors: 500,
  // 14 ms of transaction on ten million sectors: short enough for indexd never to notice.
  batchLeases: 100,
  holdMs: 3_600_000,
  indexdGraceMs: 3_600_000,
  topUpMs: 5_000,
  // Sending a batch takes milliseconds; a run that has not confirmed it by now was killed.
  resendAfterMs: 10_000,
  // The schedule is a minute; a little less, so that its jitter does not cost every second probe.
  probeEveryMs: 55_000,
  fleet: DEFAULT_FLEET_LIMITS,
};
