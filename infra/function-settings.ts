/**
 * The functions as they are deployed: what they are made of, how large, how long. No Pulumi in here: the bundler,
 * the benches and the tests read it too.
 */
import {
  REPAIR_MEMORY_MB,
  REPAIR_TIMEOUT_SECONDS,
  SCHEDULED_MEMORY_MB,
  SCHEDULED_TIMEOUT_SECONDS,
} from "./limits.ts";

interface FunctionSettings {
  /** File and export, as SST names a handler. */
  readonly handler: string;
  readonly description: string;
  readonly timeoutSeconds: number;
  readonly memoryMb: number;
  /** Read at run time from beside the bundle. */
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

/** SST's default leaves comments and long names in; a cold start reads every byte. */
export const BUNDLE_OPTIONS = { minify: true } as const;

export const RUNTIME = "nodejs24.x";
