/** What a host charges our account for a transfer, also if the transfer fails: docs/protocol.md#order-of-checks. */
import { RpcError, type RpcErrorCode } from "../rhp4/rpc-error.ts";

/** Errors that a host may detect only after it has charged. It detects all other errors before it charges. */
const AFTER_THE_CHARGE: ReadonlySet<RpcErrorCode> = new Set([
  "sector-corrupt",
  "not-enough-storage",
  "host-internal",
  "host-error",
  "error-code-unknown",
] satisfies RpcErrorCode[]);

/**
 * Whether a host may have charged for a call that failed with this error, after {@link ChargeMeter.begin} was called
 * for the call: a call that failed earlier costs nothing. After a broken connection or a cancelled call we cannot know,
 * so a possible charge counts as charged.
 */
export function mayHaveCharged(error: unknown): boolean {
  return !(error instanceof RpcError) || AFTER_THE_CHARGE.has(error.code);
}

/** Counts the cost of one transfer, whose calls run one after another. */
export interface ChargeMeter {
  /** From now on the host may charge this amount for the present call. */
  begin(hastings: bigint): void;
  /** The present call has failed. */
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
