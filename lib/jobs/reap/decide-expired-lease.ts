/** How a lease that was not extended in time ends: docs/architecture.md#the-lease. Pure. */

export interface ExpiredLease {
  /** True: a worker had begun the lease. False: the lease's message was lost, or waited for an hour. */
  readonly running: boolean;
  /** Consecutive crashes of this slab's repairs before this one. */
  readonly crashes: number;
  /** True: other slabs were repaired recently, so workers are able to work. */
  readonly othersSucceed: boolean;
  readonly breakerIsOpen: boolean;
}

export type LeaseDecision =
  | { readonly kind: "free"; readonly delayMs: 0 }
  /** The slab is claimable again after the delay. */
  | { readonly kind: "crash"; readonly delayMs: number }
  | { readonly kind: "quarantine"; readonly delayMs: 0; readonly quarantineMs: number; readonly why: string };

/** Two crashes may be bad luck: a machine with many containers fails, or a deployment interrupts a repair. */
const CRASHES_BEFORE_QUARANTINE = 3;

/**
 * The delay after the third crash, doubled after each further crash: a slab whose repairs keep crashing must not keep a
 * worker busy, even while a quarantine is not justified.
 */
const FIRST_DELAY_MS = 2 * 60_000;
const LONGEST_DELAY_MS = 32 * 60_000;

export function decideExpiredLease(
  lease: ExpiredLease,
  settings: { readonly quarantineMs: number },
): LeaseDecision {
  if (!lease.running) return { kind: "free", delayMs: 0 };
  const crashes = lease.crashes + 1;
  if (crashes < CRASHES_BEFORE_QUARANTINE) return { kind: "crash", delayMs: 0 };
  if (lease.othersSucceed && !lease.breakerIsOpen) {
    return {
      kind: "quarantine",
      delayMs: 0,
      quarantineMs: settings.quarantineMs,
      why: `${crashes} repairs in a row crashed while other slabs were repaired`,
    };
  }
  const beyond = Math.min(crashes - CRASHES_BEFORE_QUARANTINE, 10);
  return { kind: "crash", delayMs: Math.min(FIRST_DELAY_MS * 2 ** beyond, LONGEST_DELAY_MS) };
}
