/**
 * The functions as deployed: their code, memory and timeout. This file does not use Pulumi, because the bundler, the
 * benchmarks and the tests read it too.
 */
import {
  REPAIR_MEMORY_MB,
  REPAIR_TIMEOUT_SECONDS,
  SCHEDULED_MEMORY_MB,
  SCHEDULED_TIMEOUT_SECONDS,
} from "./limits.ts";

interface FunctionSettings {
  /** File and export, in SST's notation for handlers. */
  readonly handler: string;
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  /** Files next to the bundle that are read at run time. */
  readonly copyFiles: readonly { readonly from: string; readonly to: string }[];
}

export const FUNCTIONS = {
  claim: {
    handler: "functions/claim.handler",
    description: "Leases unhealthy slabs and sends a message for each",
    timeoutSeconds: SCHEDULED_TIMEOUT_SECONDS,
    memoryMb: SCHEDULED_MEMORY_MB,
    copyFiles: [],
  },
  repair: {
    handler: "functions/repair.handler",
    description: "Repairs the slab of one message",
    timeoutSeconds: REPAIR_TIMEOUT_SECONDS,
    memoryMb: REPAIR_MEMORY_MB,
    copyFiles: [{ from: "lib/kernel/kernel.wasm", to: "kernel.wasm" }],
  },
  reap: {
    handler: "functions/reap.handler",
    description: "Resets expired leases, keeps dead letters, measures the fleet",
    timeoutSeconds: SCHEDULED_TIMEOUT_SECONDS,
    memoryMb: SCHEDULED_MEMORY_MB,
    copyFiles: [],
  },
} as const satisfies Record<string, FunctionSettings>;

export type FunctionName = keyof typeof FUNCTIONS;

/** Bundles are minified: SST's default keeps comments and long names, and a cold start reads every byte. */
export const BUNDLE_OPTIONS = { minify: true } as const;

export const RUNTIME = "nodejs24.x";
