/** What a host takes from our account for a transfer, also when it fails: docs/protocol.md#order-of-checks. */
import { RpcError, type RpcErrorCode } from "../rhp4/rpc-error.ts";

/** Refusals that a host may notice only after it has charged. Every other one comes before. */
const AFTER_THE_CHARGE: ReadonlySet<RpcErrorCode> = new Set([
  "sector-corrupt",
  "not-enough-storage",
  "host-internal",
  "host-error",
  "error-code-unknown",
] satisfies RpcErrorCode[]);

/**
 * Whether a host may have charged for a call that failed with this error, once it had all that it charges for. A connection
 * that broke and a caller that gave up say nothing, so what may be charged counts as charged.
 */
export function mayHaveCharged(error: unknown): boolean {
  return !(error instanceof RpcError) || AFTER_THE_CHARGE.has(error.code);
}

/** Counts what one transfer costs; its calls follow one another. */
export interface ChargeMeter {
  /** From now on the host may charge this for the call under way. */
  begin(hastings: bigint): void;
  /** The call under way has failed. */
  failed(error: unknown): void;
  readonly hastings: bigint;
}

export function createChargeMeter(): ChargeMeter {
  let charged = 0n;
  let underWay = 0n;
  return {
    begin(hastings) {
      underWay = hastings;
    },
    failed(error) {
      if (mayHaveCharged(error)) charged += underWay;
      underWay = 0n;
    },
    get hastings() {
      return charged + underWay;
    },
  };
}
