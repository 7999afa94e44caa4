/** What repairs cost on Lambda: the formula of docs/cost.md, for `slabmend status` and for that document's tables. Pure. */

/** docs/cost/prices.json. GB are 10^9 bytes: AWS does not say which, and this is the dearer reading. Memory is in MiB. */
export interface LambdaPrices {
  readonly lambda: {
    readonly usdPerGbSecond: number;
    readonly usdPerMillionInvocations: number;
    readonly memoryMb: number;
  };
  /** A send, a receive and a delete; sends go in batches, so this is the most. */
  readonly queue: { readonly usdPerMillionRequests: number; readonly requestsPerRepair: number };
  readonly logs: { readonly usdPerGb: number };
  readonly traffic: { readonly usdPerGbOut: number; readonly natGatewayUsdPerGb: number };
}

/** Of all repairs together. */
export interface LambdaUse {
  readonly repairs: number;
  readonly wallMs: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly logBytes: number;
}

export interface LambdaBill {
  readonly gbSeconds: number;
  readonly computeUsd: number;
  readonly requestsUsd: number;
  readonly logsUsd: number;
  readonly trafficUsd: number;
  readonly sumUsd: number;
  /** Besides, where functions reach the internet through a NAT gateway: it takes its price in both directions. */
  readonly natGatewayUsd: number;
}

const GIGABYTE = 1e9;
/** Lambda counts 1024 MB as a GB. */
const MB_PER_LAMBDA_GB = 1_024;

export function lambdaBill(use: LambdaUse, { lambda, queue, logs, traffic }: LambdaPrices): LambdaBill {
  const gbSeconds = (use.wallMs * lambda.memoryMb) / MB_PER_LAMBDA_GB / 1_000;
  const computeUsd = gbSeconds * lambda.usdPerGbSecond;
  const usdPerMillionRepairs =
    lambda.usdPerMillionInvocations + queue.requestsPerRepair * queue.usdPerMillionRequests;
  const requestsUsd = (use.repairs / 1e6) * usdPerMillionRepairs;
  const logsUsd = (use.logBytes / GIGABYTE) * logs.usdPerGb;
  const trafficUsd = (use.bytesWritten / GIGABYTE) * traffic.usdPerGbOut;
  return {
    gbSeconds,
    computeUsd,
    requestsUsd,
    logsUsd,
    trafficUsd,
    sumUsd: computeUsd + requestsUsd + logsUsd + trafficUsd,
    natGatewayUsd: ((use.bytesRead + use.bytesWritten) / GIGABYTE) * traffic.natGatewayUsdPerGb,
  };
}
